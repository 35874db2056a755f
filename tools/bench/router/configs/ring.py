"""Times a handler that outputs to itself, and the same handler in a plain loop; prints ns a call of each."""
import os
import signal
import time

import midimonster

CALLS = 200_000
TIMES = 10
left = 0
channel = ""
routed, plain = [], []


def handler(value):
    global left
    left -= 1
    if left:
        midimonster.output(channel, value)
    else:
        ended()


def ended():
    (routed if channel == "round" else plain).append((time.perf_counter() - started) / CALLS * 1e9)


def call_in_loop():
    global channel, left, started
    # It is no end of a mapping, so the events go nowhere.
    channel, left, started = "aside", CALLS, time.perf_counter()
    for _ in range(CALLS):
        handler(0.5)


def call_in_ring():
    global channel, left, started
    channel, left, started = "round", CALLS + 1, time.perf_counter()
    midimonster.output(channel, 0.5)


def alternate():
    if left:
        return
    if len(plain) > len(routed):
        call_in_ring()
    elif len(plain) < TIMES:
        call_in_loop()
    else:
        print(min(routed), min(plain), flush=True)
        midimonster.interval(alternate, 0)
        os.kill(os.getpid(), signal.SIGTERM)


midimonster.output("aside", 0)
midimonster.interval(alternate, 10)
