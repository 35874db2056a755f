import threading
import time

import ending
import midimonster

seen = []


def work():
    time.sleep(0.05)
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
