import time

import ending
import midimonster


class Equal:
    """Objects of one name are one function."""

    def __init__(self, name):
        self.name = name
        self.calls = 0

    def __eq__(self, other):
        return isinstance(other, Equal) and self.name == other.name

    def __hash__(self):
        return hash(self.name)

    def __call__(self):
        self.calls += 1


for wrong in [(5, 10), (print,), (print, "x"), (print, 1.5)]:
    try:
        midimonster.interval(*wrong)
    except TypeError:
        print("TypeError for", wrong)

fast, never, same, other = Equal("fast"), Equal("never"), Equal("same"), Equal("same")
print(midimonster.interval(fast, 14))
midimonster.interval(never, 10)
midimonster.interval(Equal("never"), 4)
midimonster.interval(same, 1000)
midimonster.interval(other, 20)
started = time.monotonic()
late = []


def slow():
    """Takes as long as ten intervals of `fast`."""
    midimonster.interval(slow, 0)
    before = fast.calls
    time.sleep(0.1)
    late.append(before)


def looks():
    midimonster.interval(looks, 0)
    # At most one call for each turn: what was missed while `slow` slept is not made up for.
    print("lateness does not pile up:", fast.calls - late[0] <= 14)


def ends():
    elapsed = time.monotonic() - started
    midimonster.interval(ends, 0)
    print("fast was called about every 10 ms, but for the sleep:", 20 <= fast.calls <= 41, "never:", never.calls)
    print("the one registered first is the one that is called:", same.calls > 5, other.calls)
    ending.now()


midimonster.interval(slow, 100)
midimonster.interval(looks, 300)
midimonster.interval(ends, 400)
