import weakref

import ending
import midimonster


class Cycle:
    """An object that only the collector can free."""

    def __init__(self):
        self.me = self


def begins():
    midimonster.interval(begins, 0)
    refs.append(weakref.ref(Cycle()))
    midimonster.interval(looks, 100)


def looks():
    """Waits for at most 10 s."""
    looks.count += 1
    freed = refs[0]() is None
    if freed or looks.count == 100:
        print("freed:", freed)
        ending.now()


looks.count = 0
refs = []
midimonster.interval(begins, 50)
