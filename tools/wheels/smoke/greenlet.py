# Switching C stacks: values and errors both ways, deep and interleaved stacks, ends, garbage, context variables.
import contextvars
import gc
import sys
import traceback
import weakref

import greenlet
from greenlet import getcurrent

parent = lambda value=None: getcurrent().parent.switch(value)


def talk(x):
    y = parent(x + 1)
    try:
        parent(y * 2)
    except ValueError as error:
        print("caught", error, sys.exc_info()[0].__name__)
    return "end"


g = greenlet.greenlet(talk)
print(g.switch(1), bool(g), g.dead, g.switch(10), g.throw(ValueError("x")), g.dead)


def deep(n):
    if n == 0:
        return parent("down")
    value = [n, str(n)]
    result = deep(n - 1)
    assert value == [n, str(n)]
    return result


# Many stacks of different depths that end in another order than they began.
many = [greenlet.greenlet(deep) for _ in range(40)]
print([it.switch(3 * n) for n, it in enumerate(many)].count("down"))
gc.collect()
print([it.switch(n) for n, it in enumerate(many[::2])], [it.switch(n) for n, it in enumerate(reversed(many[1::2]))])
print([it.dead for it in many].count(True), sys.getrecursionlimit() >= 1000)


def numbers(n):
    for i in range(n):
        parent(i)
    return "done"


def merged(*sizes):
    running = [greenlet.greenlet(numbers) for _ in sizes]
    values = [it.switch(n) for it, n in zip(running, sizes)]
    while running:
        running = [it for it in running if not it.dead]
        values += [it.switch() for it in running]
    return values


print(merged(3, 1, 4))


def handling(name):
    try:
        raise KeyError(name)
    except KeyError as error:
        parent(name)
        assert sys.exception() is error, sys.exception()
        try:
            raise IndexError(name)
        except IndexError as inner:
            return repr(inner.__context__)


a, b = greenlet.greenlet(handling), greenlet.greenlet(handling)
print(a.switch("a"), b.switch("b"), sys.exception(), a.switch(), b.switch())


def failing():
    parent()
    [][1]


f = greenlet.greenlet(failing)
f.switch()
try:
    f.switch()
except IndexError as error:
    print([frame.name for frame in traceback.extract_tb(error.__traceback__)], error)


class Held:
    def __del__(self):
        print("held ends")


def hold(it):
    try:
        parent()
    except greenlet.GreenletExit:
        print("killed", type(it).__name__)
        raise


h = greenlet.greenlet(hold)
h.switch(Held())
del h
gc.collect()


def spawn(n):
    inner = greenlet.greenlet(spawn)
    inner.parent = getcurrent()
    return [n] + (inner.switch(n - 1) if n else [])


print(greenlet.greenlet(spawn).switch(15))
variable = contextvars.ContextVar("variable", default=0)


def setter(value):
    variable.set(value)
    parent()
    return variable.get()


first, second = greenlet.greenlet(setter), greenlet.greenlet(setter)
first.switch(1), second.switch(2)
print(first.switch(), second.switch(), variable.get())


def generator():
    for i in range(3):
        parent(("in generator", i))
        yield i


consumers = [greenlet.greenlet(lambda: list(generator())) for _ in range(2)]
print([c.switch() for c in consumers], [c.switch() for c in consumers], [c.switch() for c in consumers], [c.switch() for c in consumers])
events = []
greenlet.settrace(lambda event, args: events.append(event))
greenlet.greenlet(lambda: 1).switch()
greenlet.settrace(None)
print(events)
t = greenlet.greenlet(deep)
t.switch(2)
print(t.gr_frame.f_code.co_name, weakref.ref(t)() is t)
