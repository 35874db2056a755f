"""Lines of text over TCP: `hall 50` sets the channel `hall` to 50 %, `hall` asks for it. All who are connected hear of changes."""

import socket

import midimonster

ADDRESS = ("127.0.0.1", 8030)
HELP = "write NAME, or NAME PERCENT"

# Who is connected, with the line that is not yet complete.
lines = {}
levels = {}


def connect(listener):
    client, _ = listener.accept()
    # Nobody may hold up the router by not reading.
    client.setblocking(False)
    lines[client] = b""
    midimonster.manage(read, client)


def disconnect(client):
    midimonster.manage(None, client)
    del lines[client]
    client.close()


def read(client):
    """The router calls this when there is something to read."""
    try:
        data = client.recv(4096)
    except ConnectionError:
        data = b""
    if not data:
        disconnect(client)
        return
    *complete, lines[client] = (lines[client] + data).split(b"\n")
    for line in complete:
        obey(client, line.decode(errors="replace").split())


def obey(client, words):
    match words:
        case [name] if name in midimonster.channels():
            say(client, name)
        case [name, percent] if name in midimonster.channels() and percent.isdecimal():
            levels[name] = min(int(percent), 100) / 100
            midimonster.output(name, levels[name])
            tell_all(name)
        case _:
            send(client, HELP)


def moved(value):
    """A lamp was moved by somebody else."""
    name = midimonster.current()
    levels[name] = value
    tell_all(name)


def tell_all(name):
    for client in list(lines):
        say(client, name)


def say(client, name):
    send(client, f"{name} {levels.get(name, 0):.0%}")


def send(client, text):
    try:
        client.send(text.encode() + b"\n")
    except OSError:
        # Gone, or reads nothing: `read` hears of the first, the second misses this.
        pass


# The router closes what it manages when it ends.
midimonster.manage(connect, socket.create_server(ADDRESS))
