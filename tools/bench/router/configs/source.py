"""Outputs EVENTS a second, in batches. How late the interval is makes no difference."""
import time

import midimonster

EVENTS = 60_000
CHANNELS = [str(number) for number in range(64)]
start = time.monotonic()
done = 0


def batch():
    global done
    due = int((time.monotonic() - start) * EVENTS)
    # After a halt of the machine there is no flood.
    done = max(done, due - EVENTS)
    while done < due:
        midimonster.output(CHANNELS[done % 64], done % 1000 / 1000)
        done += 1


midimonster.interval(batch, 10)
