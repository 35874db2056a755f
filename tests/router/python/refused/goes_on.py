"""Says that the router runs, and ends it."""
import os
import signal

import midimonster


def say():
    midimonster.interval(say, 0)
    print("went on", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


midimonster.interval(say, 20)
