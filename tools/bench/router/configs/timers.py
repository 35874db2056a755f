"""Sets and cancels intervals all the time: of fresh functions, methods and closures."""
import midimonster

running = []


class Counter:
    """An object whose bound method is an interval."""

    def __init__(self):
        self.count = 0

    def tick(self):
        self.count += 1


def once():
    """A closure that ends its own interval."""

    def tick():
        midimonster.interval(tick, 0)

    midimonster.interval(tick, 10)


def churn():
    once()
    counter = Counter()
    running.append(counter)
    midimonster.interval(counter.tick, 20)
    midimonster.interval(counter.tick, 30)
    if len(running) > 10:
        midimonster.interval(running.pop(0).tick, 0)


midimonster.interval(churn, 10)
