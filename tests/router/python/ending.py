"""Ends the router from a script, in the way in which users end it."""
import os
import signal

import midimonster


def later(milliseconds=60):
    midimonster.interval(now, milliseconds)


def now():
    midimonster.interval(now, 0)
    os.kill(os.getpid(), signal.SIGTERM)
