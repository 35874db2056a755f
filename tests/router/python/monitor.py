"""Prints while the view has the terminal, and after it."""
import os
import signal
import sys

import midimonster

count = 0


def handle(value):
    pass


def speak():
    global count
    count += 1
    if count == 1:
        print("script:prints")
        print("script:complains", file=sys.stderr)
        os.system("echo child:prints")
    elif count == 10:
        os.kill(os.getpid(), signal.SIGTERM)


midimonster.interval(speak, 100)
midimonster.cleanup_handler(lambda: print("the last word"))
