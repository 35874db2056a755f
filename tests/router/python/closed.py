import socket

import ending
import midimonster

ours, theirs = socket.socketpair()
midimonster.manage(print, ours)
reused = []


def close():
    midimonster.interval(close, 0)
    ours.close()
    # Somebody else gets the number.
    reused.append(socket.socketpair())
    print("closed", ours.fileno())
    ending.later(2500)


midimonster.interval(close, 20)
