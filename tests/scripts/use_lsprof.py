"""CPython's profiler: what was called, how often, by whom."""
import _lsprof
from report import from_extension, transcript

from_extension(_lsprof)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def caller():
    return [fib(4), fib(2)]


profiler = _lsprof.Profiler()
profiler.enable()
caller()
profiler.disable()
# In the order of names: the profiler's own is that of addresses.
entries = [entry for entry in profiler.getstats() if not isinstance(entry.code, str)]
for entry in sorted(entries, key=lambda entry: entry.code.co_name):
    print(entry.code.co_name, entry.callcount, entry.reccallcount, entry.totaltime >= entry.inlinetime >= 0)
    for call in entry.calls or ():
        print("  ", call.code.co_name, call.callcount, call.reccallcount)
ticks = iter(range(1000))
timed = _lsprof.Profiler(lambda: next(ticks), 0.5)
timed.enable(subcalls=False)
caller()
timed.disable()
transcript(globals(), """
    [type(entry).__name__ for entry in profiler.getstats()][:1], _lsprof.profiler_entry.__match_args__
    profiler.clear(), profiler.getstats()
    [entry.calls for entry in timed.getstats()][:1]
    _lsprof.Profiler(1, 2, 3, 4, 5)
    profiler.enable(1, 2, 3)
    profiler.disable()
""")
