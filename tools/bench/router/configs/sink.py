"""Handles what comes in; now and then that fails."""
import midimonster

FAILS_EVERY = 20_000
count = 0
latest = {}


class Fault(Exception):
    """One that refers to what it failed on, and to itself."""

    def __init__(self, what):
        super().__init__(f"the fault number {what}")
        self.me = self


def handler(value):
    global count
    count += 1
    latest[midimonster.current()] = (value, midimonster.inputvalue("sink.handler"))
    if count % FAILS_EVERY == 0:
        raise Fault(count // FAILS_EVERY)
