"""CPython's example of types that derive from list and dict and have a field of their own."""
import copy
import gc

import xxsubtype
from report import from_extension, transcript
from xxsubtype import spamdict, spamlist

from_extension(xxsubtype)


class Derived(spamlist):
    def total(self):
        return sum(self) + self.getstate()


a, d, derived = spamlist([1, 2]), spamdict(x=1), Derived((3, 4))
derived.extra = "kept"
transcript(globals(), """
    a, a.getstate(), a.setstate(42), a.getstate(), a.state, len(a), a == [1, 2], a + [3]
    a.append(3), a[2], a.foo if hasattr(a, "foo") else "no foo", isinstance(a, list), type(a).__mro__
    a.setstate("x")
    a.setstate()
    d, d.getstate(), d.setstate(7), d.getstate(), d["x"], d.setdefault("y", 2), d == {"x": 1, "y": 2}, d.state
    derived.total(), derived.setstate(10), derived.total(), derived.extra, derived
    spamlist.classmeth(1, two=2), Derived.classmeth(), a.classmeth(3)
    spamlist.staticmeth(1, two=2), a.staticmeth()
    spamlist(1)
    spamdict(1)
    spamlist.getstate.__doc__, spamlist.__doc__, spamlist.state.__doc__
    spamlist.getstate([1])
    copy.copy(a), copy.copy(d)
    xxsubtype.bench(a, "getstate", 10) >= 0
    type("Both", (spamlist, spamdict), {})
""")
del a, d, derived
gc.collect()
