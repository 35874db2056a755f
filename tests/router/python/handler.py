import sys

import ending
import midimonster

# Tracebacks go where the rest goes.
sys.stderr = sys.stdout
midimonster.output("go", 0.75)
print("outside of handlers:", midimonster.current(), midimonster.inputvalue("handler.first"))
rounds = 0


def first(value):
    print("first", type(value).__name__, value, midimonster.current(), midimonster.inputvalue("handler.first"))


def default(value):
    global rounds
    rounds += 1
    print("default", value, midimonster.current(), midimonster.inputvalue("handler.first"), midimonster.inputvalue("plain"))
    midimonster.output("again", rounds / 4)


def raising(value):
    print("raising", value, midimonster.inputvalue(midimonster.current()))
    raise ValueError(f"on {value}")


def after(value):
    print("after", midimonster.current(), midimonster.inputvalue("handler.raising"), midimonster.inputvalue("nowhere"))
    if rounds < 2:
        midimonster.output("go", 0.5)
    else:
        ending.now()
