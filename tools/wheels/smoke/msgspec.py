"""msgspec: structs, JSON, MessagePack, YAML-free conversion, and exact messages for what does not fit."""

import datetime
import decimal
import enum
import pickle
import uuid
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, convert, field, inspect, json, msgpack, structs, to_builtins


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(Struct, order=True):
    name: str
    price: Annotated[float, Meta(ge=0)]
    tags: list[str] = []
    color: Color | None = None


class Order(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    order_id: int
    items: list[Item] = field(default_factory=list)
    paid_at: datetime.datetime | UnsetType = UNSET
    note_text: Annotated[str, Meta(max_length=10, pattern="^[a-z ]*$")] = ""


class Circle(Struct, tag=True, frozen=True):
    radius: float


class Box(Struct, tag=True, frozen=True, array_like=True):
    width: int
    height: int


class Shape(Struct, tag_field="kind", tag=str.lower):
    sides: int


moment = datetime.datetime(2024, 2, 29, 12, 30, 15, 250000, tzinfo=datetime.timezone.utc)
order = Order(order_id=7, items=[Item("Apple", 1.5, ["fruit"]), Item("Nut", 0.25, color=Color.BLUE)], paid_at=moment)
text, packed = json.encode(order), msgpack.encode(order)
print(order, order.items[0] < order.items[1], order == structs.replace(order), Order.__struct_fields__, Order.__struct_encode_fields__)
print(text, len(packed), packed[:12], json.decode(text, type=Order) == order, msgpack.decode(packed, type=Order) == order, json.decode(text))
print(json.format(text, indent=2).decode(), structs.asdict(order.items[0]), structs.astuple(order.items[1]), to_builtins(order), convert({"sides": 3}, Shape), json.encode(Shape(4)))
print(json.encode([Circle(1.5), Box(2, 3)]), hash(Box(1, 2)) == hash(Box(1, 2)), json.decode(b'{"type":"Circle","radius":2}', type=Circle | None), pickle.loads(pickle.dumps(order)) == order, [it.name for it in structs.fields(Item)])

values = [None, True, -5, 2**63, 1.5, 1e300, "é漢😀\n\x01", b"\0\xff", moment, moment.date(), datetime.timedelta(hours=1, seconds=2), uuid.UUID(int=5), decimal.Decimal("1.50"), Color.RED, {1, 2}, frozenset([3]), (1, "a"), {"k": [{}]}]
for value in values:
    print(json.encode(value).decode(), msgpack.encode(value), convert(to_builtins(value), type(value), strict=False) == value)
for size in (15, 16, 40, 300, 70_000):
    again = msgpack.decode(msgpack.encode(["x" * size, b"y" * size, list(range(size)), {str(i): i for i in range(size)}]))
    print(size, [len(it) for it in again])
decoder = json.Decoder(dict[str, tuple[int, ...] | Literal["all", "none"]])
print(decoder.decode('{"a": [1, 2], "b": "all"}'), decoder.type, json.Decoder(list[int]).decode_lines(b"[1]\n[2,3]\n"), json.Encoder(order="sorted").encode({"b": 1, "a": 2}), json.Encoder().encode_lines([1, "x"]), json.Encoder(decimal_format="number").encode(decimal.Decimal("2.5")))
print(json.decode('[1.10, 2]', type=list[decimal.Decimal]), json.encode({"raw": Raw(b"[1,  2]")}), bytes(json.decode('{"a": [1, 2 ]}', type=dict[str, Raw])["a"]), json.encode({1: "int", Color.RED: "enum", uuid.UUID(int=1): 0}), json.encode(float("nan")))
print(json.encode(3 + 4j, enc_hook=str), json.decode('"3+4j"', type=complex, dec_hook=lambda kind, it: kind(it)), msgpack.encode(msgpack.Ext(5, b"data")), msgpack.decode(b"\xd4\x05\x01", ext_hook=lambda code, data: (code, bytes(data))))
buffer = bytearray(b"head:")
json.Encoder().encode_into([1, 2], buffer, -1)
print(buffer, msgspec.defstruct("Made", [("x", int), ("y", int, 0)])(1), inspect.type_info(Item).fields[1].type, sorted(json.schema(Order)["$defs"]), json.schema(Annotated[int, Meta(gt=1, title="n")]))


class Base(Struct, weakref=True, dict=True):
    x: int

    def __post_init__(self):
        if self.x < 0:
            raise ValueError("x is negative")


base = Base(1)
base.extra = 2
print(base, vars(base), Base.__struct_config__.weakref, repr(Base.__struct_config__)[:40], [*Base(5).__rich_repr__()], base.__copy__())

for kind, bad in (
    (Order, '{"orderId": "x"}'),
    (Order, '{}'),
    (Order, '{"orderId": 1, "more": 2}'),
    (Order, '{"orderId": 1, "noteText": "UP"}'),
    (Order, '{"orderId": 1, "noteText": "far too long a text"}'),
    (Order, '{"orderId": 1, "items": [{"name": "a", "price": -1}]}'),
    (Order, '{"orderId": 1, "items": [{"name": "a", "price": 1, "color": "pink"}]}'),
    (Order, '{"orderId": 1, "paidAt": "yesterday"}'),
    (Circle, '{"type": "Nope"}'),
    (Box, '["Box", 1]'),
    (Base, '{"x": -1}'),
    (dict[int, str], '{"a": "b"}'),
    (uuid.UUID, '"1-2"'),
    (int, "[1,"),
    (int, "12x"),
    (int, '"\\x"'),
    (list[Annotated[int, Meta(multiple_of=5)]], "[5, 7]"),
):
    try:
        print("no error:", json.decode(bad, type=kind))
    except msgspec.DecodeError as error:
        print(type(error).__name__, error)
loop = []
loop.append(loop)
for action in (
    lambda: json.encode(3j),
    lambda: json.encode(loop),
    lambda: Item(),
    lambda: Item("a", 1, 2, 3, 4, 5),
    lambda: Item("a", 1, none=1),
    lambda: setattr(Box(1, 2), "width", 3),
    lambda: json.Decoder(int | str | list[int] | list[str]),
    lambda: msgpack.decode(b"\xc1"),
    lambda: msgpack.decode(b"\x92\x01"),
    lambda: convert(1.5, int),
    lambda: msgspec.defstruct("Bad", [("a", int, 0), "b"]),
    lambda: Meta(gt=1, ge=2),
):
    try:
        print("no error:", action())
    except Exception as error:
        print(type(error).__name__, "" if isinstance(error, RecursionError) else str(error)[:100])
rows = [Item(f"row {i}", i / 8, ["a", "b"] * (i % 3), [None, Color.RED][i % 2]) for i in range(3000)]
print(len(json.encode(rows)), json.decode(json.encode(rows), type=list[Item]) == rows, msgpack.decode(msgpack.encode(rows), type=list[Item]) == rows, max(rows).name)
