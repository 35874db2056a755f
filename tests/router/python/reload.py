"""Changes the configuration it runs in, and has the router read it again."""
import os
import signal

import midimonster

LATER = """
[python kept]
module = reload

[python fresh]
module = reloaded

[map]
kept.value > fresh.reloaded.handler
fresh.answer > kept.reload.handler
"""
print("imported once")
ticks = 0


def tick():
    global ticks
    ticks += 1
    if ticks == 2:
        with open(os.environ["ROUTER_CONFIG"], "w") as file:
            file.write(LATER)
        os.kill(os.getpid(), signal.SIGHUP)
    midimonster.output("value", min(ticks / 10, 1))


def old(value):
    print("the map before:", value)


def handler(value):
    print("answered", value, "after the same ticks:", ticks >= 3)
    os.kill(os.getpid(), signal.SIGTERM)


def bye():
    print("kept: cleanup")


midimonster.interval(tick, 20)
midimonster.cleanup_handler(bye)
