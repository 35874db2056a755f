"""usage: leaks.py SCRIPT ROUNDS: does SCRIPT leave the same blocks alive after ten times as many rounds?

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


few = int(sys.argv[2])
first = play(few)
second = play(9 * few)
for name in sorted(first.keys() | second.keys()):
    before, after = first.get(name, 0), second.get(name, 0)
    if before != after:
        print(f"{name}: {before} blocks after {few} rounds, {after} after {10 * few}")
sys.exit(first != second)
