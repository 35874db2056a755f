import threading
import time

import ending
import midimonster

seen = []


def work():
    # The router waits meanwhile; what has passed is not the interval's.
    time.sleep(0.3)
    for number in range(100):
        midimonster.output("from_thread", number / 100)
    midimonster.interval(ends, 30)


def handler(value):
    seen.append(value)


def ends():
    midimonster.interval(ends, 0)
    worker.join()
    print(len(seen), seen[0], seen[-1], seen == sorted(seen))
    ending.now()


worker = threading.Thread(target=work)
worker.start()
