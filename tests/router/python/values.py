import time

import ending
import midimonster

print(midimonster.channels(), midimonster.inputvalue("values.handler"), midimonster.outputvalue("b"))
midimonster.output("b", 0.5)
turns = []


def handler(value):
    print(midimonster.channels())
    print(midimonster.inputvalue("values.handler"), midimonster.outputvalue("b"), midimonster.outputvalue("z"))
    print(midimonster.inputvalue("none"), midimonster.outputvalue("none"))
    midimonster.interval(tick, 20)


def tick():
    turns.append((midimonster.timestamp(), time.monotonic()))
    if len(turns) == 6:
        midimonster.interval(tick, 0)
        (first, began), *_, (last, ended) = turns
        print(type(last).__name__, "milliseconds:", abs((last - first) - (ended - began) * 1000) < 15)
        before = midimonster.timestamp()
        time.sleep(0.03)
        print("the same all through a turn:", midimonster.timestamp() == before)
        ending.now()
