"""multidict: header-like mappings with several values for a key."""

import pickle
from collections.abc import MutableMapping

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy, getversion, istr

headers = CIMultiDict([("Accept", "text/html"), ("accept", "text/plain"), ("Host", "example.org")])
headers.add("Set-Cookie", "a=1")
headers.add("SET-COOKIE", "b=2")
print(headers, len(headers), headers["ACCEPT"], headers.getall("set-cookie"), headers.get("nothing", "-"))
print(list(headers), [(str(k), v) for k, v in headers.items()], list(headers.values()))
print("host" in headers, "HOST" in headers.keys(), ("Host", "example.org") in headers.items(), 1 in headers)

plain = MultiDict(a=1, b=2)
plain.extend([("a", 3), ("c", 4)])
print(plain, plain.getone("a"), plain.getall("a"), plain.popone("a"), plain)
plain.update({"b": 20}, d=5)
plain.merge({"b": 99, "e": 6})
print(plain, plain.pop("e"), plain.popall("a"), plain.setdefault("f", 7), plain.setdefault("b", 8))
print(plain.popitem(), plain)
plain["z"] = 1
del plain["b"]
print(plain, plain.copy() == plain, plain == {"c": 4, "d": 5, "z": 1}, plain != MultiDict())

view, proxy = plain.keys(), MultiDictProxy(plain)
before = getversion(plain)
plain["new"] = 0
print(view, proxy, proxy["new"], getversion(plain) != before, proxy.copy().__class__.__name__)
print(sorted(view & {"c", "new", "x"}), sorted(view | {"x"}), sorted(view - {"c"}), sorted(view ^ {"c", "x"}))
print(view.isdisjoint(["q"]), view >= {"c"}, plain.items() & [("c", 4)])
try:
    proxy["a"] = 1
except TypeError as error:
    print("a proxy is read-only:", type(error).__name__)
for action in (lambda: plain["none"], lambda: plain.getall("none"), lambda: plain.popitem() and MultiDict().popitem()):
    try:
        action()
    except KeyError as error:
        print("KeyError", error.args)
try:
    for key in plain:
        plain[key + key] = 1
except RuntimeError as error:
    print(type(error).__name__, error)
try:
    MultiDict(1, 2)
except TypeError as error:
    print(type(error).__name__)

key = istr("Content-Type")
print(repr(key), key == "Content-Type", isinstance(key, str), CIMultiDict({key: 1})["content-TYPE"])
again = pickle.loads(pickle.dumps(headers))
print(again == headers, type(again).__name__, CIMultiDictProxy(again)["host"], isinstance(again, MutableMapping))


class Named(MultiDict):
    def __setitem__(self, key, value):
        super().__setitem__(key.strip(), value)


named = Named()
named[" spaced "] = [1, 2]
print(named, dict(named), MultiDict(named, more=3))
big = MultiDict((f"key{i % 1000}", i) for i in range(20_000))
print(len(big), len(set(big)), len(big.getall("key7")), sum(big.popall("key7")), len(big))
big.clear()
print(big, bool(big))
