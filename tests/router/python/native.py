import sys

import _queue
import multidict

import ending
import midimonster

assert _queue.__file__.endswith(".so"), _queue
queue = _queue.SimpleQueue()
headers = multidict.CIMultiDict(Number="one")
# What another interpreter would see, were the module shared.
print("marks of others:", hasattr(_queue, "mark"), hasattr(multidict._multidict, "mark"))
_queue.mark = multidict._multidict.mark = True
print("own types:", getattr(sys, "of_another", None))
sys.of_another = _queue.SimpleQueue
midimonster.output("hello", 1)


def start(value):
    queue.put(value)
    headers.add("number", str(value))
    try:
        _queue.SimpleQueue().get(False)
    except _queue.Empty as error:
        print("one's own exception:", type(error) is _queue.Empty)
    print(queue.get(), headers.getall("NUMBER"))
    midimonster.output("done", 0.5)


def finish(value):
    print("finish", value, queue.empty())
    ending.later()
