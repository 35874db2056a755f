"""usage: leaks.py SCRIPT: does SCRIPT leave the same blocks alive after 100 rounds as after 10?

Prints what grew or shrank, type by type, and fails if anything did.
"""
import contextlib
import gc
import io
import sys

import _rustclad

path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    code = compile(file.read(), path, "exec")


def play(rounds):
    """Run the script `rounds` times, each with names of its own, and count what is left."""
    for _ in range(rounds):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, {"__name__": "__main__", "__file__": path})
    gc.collect()
    return dict(_rustclad.live_blocks())


first = play(10)
second = play(90)
for name in sorted(first.keys() | second.keys()):
    before, after = first.get(name, 0), second.get(name, 0)
    if before != after:
        print(f"{name}: {before} blocks after 10 rounds, {after} after 100")
sys.exit(first != second)
