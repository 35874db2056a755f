"""orjson: both ways, its native types and its options."""

import dataclasses
import datetime
import enum
import uuid

import orjson

data = {"text": 'quote " slash \\ é 漢 😀 \x01', "numbers": [0, -1, 3.5, 1e100, 2**53, -(2**63), 2**64 - 1], "none": None, "ok": [True, False], "nested": {"a": {"b": [[], {}]}}}
text = orjson.dumps(data)
print(text, orjson.loads(text) == data)
for source in (text, bytearray(text), memoryview(text), text.decode()):
    print(type(source).__name__, orjson.loads(source)["nested"])
print(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())


@dataclasses.dataclass
class Point:
    x: int
    y: float
    _hidden: str = "no"


class Color(enum.Enum):
    RED = "red"


zone = datetime.timezone(datetime.timedelta(hours=2))
moment = datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=zone)
print(orjson.dumps([Point(1, 2.5), Color.RED, uuid.UUID(int=5), moment, moment.date(), datetime.time(1, 2, 3)]))
naive = moment.replace(tzinfo=None)
print(orjson.dumps([naive, moment], option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS))
print(orjson.dumps({1: 1, 2.5: 2, None: 3, Color.RED: 4, uuid.UUID(int=1): 5}, option=orjson.OPT_NON_STR_KEYS))
print(orjson.dumps({"b": 1, "a": 2}, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
print(orjson.dumps([{1}, 3 + 4j], default=lambda it: sorted(it) if isinstance(it, set) else str(it)))
print(orjson.dumps([orjson.Fragment(b'{"ready":  1}'), float("nan"), float("inf")]))


class Text(str):
    pass


class Table(dict):
    pass


print(orjson.dumps([Text("sub"), Table(a=1)]))
for option in (orjson.OPT_PASSTHROUGH_SUBCLASS, orjson.OPT_PASSTHROUGH_DATACLASS, orjson.OPT_PASSTHROUGH_DATETIME):
    print(option, orjson.dumps([Text("a"), Point(1, 2), naive], option=option, default=lambda it: type(it).__name__))

for bad in ("", "[1,", '{"a" 1}', '["\\x"]', '"open', "nul", "[1] 2", '{"a":1,}', "NaN", "1" * 400, b"\xff"):
    try:
        print(repr(bad)[:30], str(orjson.loads(bad))[:30])
    except orjson.JSONDecodeError as error:
        print(repr(bad)[:30], error.msg, error.pos, error.lineno, error.colno)
for bad in ({1: 2}, 2**64, {1}, "\ud800", object()):
    try:
        orjson.dumps(bad)
    except orjson.JSONEncodeError as error:
        print(type(error).__name__, str(error)[:80])
for call in (lambda: orjson.loads(1), lambda: orjson.dumps(), lambda: orjson.dumps(1, option="x")):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, error)


def fail(it):
    raise RuntimeError("default failed")


try:
    orjson.dumps({1}, default=fail)
except orjson.JSONEncodeError as error:
    print(error, repr(error.__cause__))
loop = []
loop.append(loop)
try:
    orjson.dumps(loop)
except orjson.JSONEncodeError as error:
    print(error)
rows = [{"id": i, "name": f"row {i}", "value": i / 7, "tags": ["a", "b"] * (i % 3)} for i in range(3000)]
big = orjson.dumps(rows)
print(len(big), orjson.loads(big) == rows, orjson.dumps(orjson.loads(big)) == big)
