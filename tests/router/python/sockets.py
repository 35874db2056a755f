import os
import socket

import ending
import midimonster

ours, theirs = socket.socketpair()
held, peer = socket.socketpair()


class Wrapper:
    """Another object for a descriptor."""

    def __init__(self, fd):
        self.fd = fd

    def fileno(self):
        return self.fd


closed = socket.socket()
closed.close()
for wrong in [(5, ours), (print, None), (print, 5), (print, closed), (print,), (print, Wrapper("x"))]:
    try:
        midimonster.manage(*wrong)
        print("nothing for", wrong)
    except TypeError:
        print("TypeError for", type(wrong[-1]).__name__)


def first(sock):
    print("first", sock is ours, sock.recv(100))
    print(midimonster.manage(second, ours))
    theirs.send(b"two")


def second(sock):
    print("second", sock.recv(100))
    midimonster.manage(None, ours)
    theirs.send(b"nobody reads this")
    midimonster.interval(third, 50)


def third():
    midimonster.interval(third, 0)
    print("not managed any more; still there:", ours.recv(100))
    # Somebody else holds the descriptor: nothing changes.
    midimonster.manage(print, Wrapper(held.fileno()))
    peer.send(b"three")


def fourth(sock):
    print("fourth", sock is held, sock.recv(100))
    number = held.fileno()
    held.close()
    print("closed, and unregistered:", midimonster.manage(None, held))
    fresh, other = socket.socketpair()
    print("the number is free again:", number in (fresh.fileno(), other.fileno()))
    keep.extend([fresh, other])
    midimonster.manage(fifth, fresh)
    other.send(b"four")


def fifth(sock):
    print("fifth", sock.recv(100))
    # Closed without a word: the router goes on, and the number can be managed for another one.
    number = sock.fileno()
    sock.close()
    again, other = socket.socketpair()
    os.dup2(again.fileno(), number)
    reborn = socket.socket(fileno=number)
    keep.extend([again, other, reborn])
    midimonster.manage(sixth, reborn)
    other.send(b"five")


def sixth(sock):
    print("sixth", sock.recv(100))
    ending.now()


keep = []
midimonster.manage(first, ours)
midimonster.manage(fourth, held)
theirs.send(b"one")
