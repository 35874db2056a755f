"""Opens sockets, has them managed, uses and closes them all the time, in several ways."""
import socket

import midimonster

FORGETS_EVERY = 500
count = 0
peers = {}


def open_pair():
    ours, theirs = socket.socketpair()
    peers[ours] = theirs
    midimonster.manage(read, ours)
    theirs.send(b"hello")


def open_udp():
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peers[receiver] = sender
    midimonster.manage(lambda ready: read(ready), receiver)
    sender.sendto(b"hello", receiver.getsockname())


def open_tcp():
    listener = socket.create_server(("127.0.0.1", 0))
    peers[listener] = socket.create_connection(listener.getsockname())
    midimonster.manage(accept, listener)


def accept(listener):
    ours, _ = listener.accept()
    peers[ours] = peers.pop(listener)
    midimonster.manage(None, listener)
    listener.close()
    midimonster.manage(read, ours)
    peers[ours].send(b"hello")


def read(ready):
    global count
    count += 1
    ready.recv(100)
    # A script may forget to say that a socket is not managed any more; the router finds out.
    if count % FORGETS_EVERY:
        midimonster.manage(None, ready)
    ready.close()
    peers.pop(ready).close()


def churn():
    open_pair()
    open_udp()
    if count % 5 == 0:
        open_tcp()


midimonster.interval(churn, 10)
