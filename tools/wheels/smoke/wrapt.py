"""wrapt: decorators that know what they wrap, object proxies, and functions that are wrapped in place."""

import copy
import functools
import inspect
import operator
import types
import weakref

import wrapt
from wrapt import _wrappers


@wrapt.decorator
def trace(wrapped, instance, arguments, keywords):
    owner = instance.__name__ if inspect.isclass(instance) else type(instance).__name__
    print("call:", wrapped.__name__, owner, arguments, keywords)
    return wrapped(*arguments, **keywords)


@trace
def add(first, second=2, *more, key: int = 0) -> int:
    """Adds."""
    return first + second + key


class Account:
    fee = 1

    def __init__(self, balance):
        self.balance = balance

    @trace
    def pay(self, amount):
        self.balance -= amount + self.fee
        return self.balance

    @trace
    @classmethod
    def named(cls, name):
        return f"{cls.__name__} {name}"

    @trace
    @staticmethod
    def fixed(value):
        return value * 2


@trace
class Plain:
    def __init__(self, value):
        self.value = value


account = Account(100)
print(add(1), add(1, 5, key=3), add.__name__, add.__doc__, inspect.signature(add), add.__annotations__, add.__wrapped__(4))
print(account.pay(10), Account.pay(account, 5), Account.named("x"), account.named("y"), Account.fixed(4), account.fixed(5), Plain(3).value)
print(type(add).__name__, type(account.pay).__name__, isinstance(add, types.FunctionType), inspect.isfunction(add), issubclass(type(add), _wrappers.FunctionWrapper), add._self_binding, Account.__dict__["named"]._self_binding)
print(account.pay.__self__ is account, account.pay._self_instance is account, account.pay._self_parent is Account.__dict__["pay"], add._self_wrapper.__name__, add == add.__wrapped__, hash(add) == hash(add.__wrapped__))


class Counted(wrapt.ObjectProxy):
    def __init__(self, wrapped):
        super().__init__(wrapped)
        self._self_count = 0

    def __getitem__(self, key):
        self._self_count += 1
        return super().__getitem__(key)


items = [3, 1, 2]
proxy = Counted(items)
proxy.append(4)
proxy[0] = 30
print(proxy, proxy[0], proxy[1:3], proxy._self_count, len(proxy), 4 in proxy, sorted(proxy), isinstance(proxy, list), proxy == items, proxy.__class__, type(proxy).__name__, proxy + [5], [0] + proxy, list(reversed(proxy)), bool(Counted([])))
number = wrapt.ObjectProxy(7)
names = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "and_", "or_", "xor")
print([getattr(operator, name)(number, 2) for name in names], [getattr(operator, name)(2, number) for name in names], -number, abs(number), ~number, int(number), float(number), complex(number), hex(number), divmod(number, 2), pow(number, 2, 5), number < 8, hash(number) == hash(7), f"{number:03d}", round(number), str(number), [1, 2, 3, 4, 5, 6, 7, 8][number], bytes(wrapt.ObjectProxy(b"ab")))
number += 5
number <<= 1
print(number, type(number).__name__, number.__wrapped__, wrapt.ObjectProxy("abc").upper(), number.real, dir(number) == dir(24), repr(number).split(" at ")[0])
proxy.__wrapped__ = {"a": 1}
print(proxy, proxy["a"], list(proxy), proxy.__wrapped__, vars(wrapt.ObjectProxy(Account(1))), wrapt.CallableObjectProxy(max)(1, 5), wrapt.PartialCallableObjectProxy(add.__wrapped__, 1, key=5)(2))
with wrapt.ObjectProxy(memoryview(b"abc")) as view:
    print(view.nbytes, view[1])
made = []
lazy = wrapt.LazyObjectProxy(lambda: made.append(1) or [1, 2])
print(made, len(lazy), lazy, made, weakref.ref(proxy)() is proxy)


@functools.singledispatch
def describe(it):
    return "something"


module = types.ModuleType("module")
module.greet, module.Tool = lambda name: f"hello {name}", type("Tool", (), {"use": lambda self, n=1: n, "speed": 5})
wrapt.wrap_function_wrapper(module, "greet", lambda wrapped, instance, args, kwargs: wrapped(*args).upper())
wrapt.wrap_function_wrapper(module, "Tool.use", lambda wrapped, instance, args, kwargs: (type(instance).__name__, wrapped(*args) * 10))
wrapt.wrap_object_attribute(module, "Tool.speed", lambda value: value)
print(module.greet("ann"), module.Tool().use(4), wrapt.resolve_path(module, "Tool.use")[1], wrapt.decorator(lambda w, i, a, k: w(*a) + "!")(describe)(1))


class Cached:
    @wrapt.lru_cache(maxsize=4)
    def square(self, n):
        print("squaring", n)
        return n * n

    @wrapt.synchronized
    def locked(self):
        with wrapt.synchronized(self):
            return "locked"


cached = Cached()
print(cached.square(3), cached.square(3), cached.locked(), wrapt.WeakFunctionProxy(cached.locked)())


@wrapt.decorator(enabled=False)
def off(wrapped, instance, arguments, keywords):
    return "never"


@wrapt.decorator(adapter=wrapt.adapter_factory(lambda wrapped: lambda a, b=1: None))
def adapted(wrapped, instance, arguments, keywords):
    return wrapped(*arguments)


print(off(add.__wrapped__)(1, 1), inspect.signature(adapted(lambda *it: it)), adapted(lambda *it: it)(1, 2))
for action in (
    lambda: wrapt.ObjectProxy(),
    lambda: wrapt.ObjectProxy(5)(),
    lambda: wrapt.ObjectProxy(5).nothing,
    lambda: wrapt.ObjectProxy(5) + "a",
    lambda: len(wrapt.ObjectProxy(5)),
    lambda: wrapt.ObjectProxy.__new__(wrapt.ObjectProxy).real,
    lambda: wrapt.FunctionWrapper(len),
    lambda: hash(wrapt.ObjectProxy([])),
    lambda: copy.copy(wrapt.ObjectProxy([])),
    lambda: wrapt.ObjectProxy([]).__reduce__(),
    lambda: iter(wrapt.ObjectProxy(5)),
    lambda: delattr(proxy, "__wrapped__"),
    lambda: add(),
    lambda: wrapt.CallableObjectProxy(5)(),
    lambda: setattr(wrapt.ObjectProxy(5), "x", 1),
):
    try:
        print("no error:", action())
    except Exception as error:
        print(type(error).__name__, str(error)[:100])
