import ending
import midimonster

print("before the start:", midimonster.output("early", 0.25), midimonster.output("early", 7), midimonster.outputvalue("early"))
print("channels so far:", midimonster.channels())
steps = [0.5, -1, 1.5, float("nan"), True, 0]


def early(value):
    print("the last one was sent at the start:", value)
    print("no channel:", midimonster.output("nowhere", 1), midimonster.outputvalue("nowhere"))
    print("channels:", midimonster.channels())
    for wrong in [("level",), ("level", "loud"), (5, 1), ("level", 1, 2)]:
        try:
            midimonster.output(*wrong)
        except TypeError:
            print("TypeError for", wrong)
    step()


def step():
    if steps:
        value = steps.pop(0)
        print("out", value, midimonster.output("level", value))
    else:
        ending.now()


def level(value):
    print("in", value, midimonster.outputvalue("level"))
    step()
