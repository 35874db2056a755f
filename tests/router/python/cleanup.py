import socket

import ending
import midimonster

ours, theirs = socket.socketpair()
midimonster.manage(print, ours)
midimonster.output("bye", 0.5)


def one():
    print("one: never called")


def two():
    midimonster.output("bye", 1)
    print("two: channels", midimonster.channels(), midimonster.outputvalue("bye"), "socket open", ours.fileno() >= 0)
    raise SystemError("a cleanup handler may raise")


def never(value):
    print("in", value)
    ending.later()


try:
    midimonster.cleanup_handler(5)
except TypeError:
    print("TypeError for 5")
print(midimonster.cleanup_handler(None))
print(midimonster.cleanup_handler(one))
print(midimonster.cleanup_handler(two) is one)
print(midimonster.cleanup_handler(None) is two)
print(midimonster.cleanup_handler(two))
