"""protobuf: descriptors made at run time, messages of them, their formats, reflection and errors."""

import copy
import datetime
import pickle

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    json_format,
    message,
    message_factory,
    struct_pb2,
    text_format,
    timestamp_pb2,
    unknown_fields,
    wrappers_pb2,
)
from google.protobuf.internal import api_implementation

print(api_implementation.Type())
Field = descriptor_pb2.FieldDescriptorProto
TYPES = {name: getattr(Field, f"TYPE_{name.upper()}") for name in ("int32", "uint64", "sint64", "fixed32", "double", "float", "bool", "string", "bytes")}


def field(made, name, number, kind, label=Field.LABEL_OPTIONAL, of=None, **more):
    return made.field.add(name=name, number=number, type=kind, label=label, type_name=of, **more)


file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3", dependency=["google/protobuf/timestamp.proto"])
color = file.enum_type.add(name="Color")
for number, name in enumerate(("NONE", "RED", "BLUE")):
    color.value.add(name=name, number=number)
item = file.message_type.add(name="Item")
for number, (name, kind) in enumerate(TYPES.items(), 1):
    field(item, f"a_{name}", number, kind)
field(item, "color", 20, Field.TYPE_ENUM, of=".shop.Color")
field(item, "numbers", 21, Field.TYPE_SINT32, Field.LABEL_REPEATED)
field(item, "names", 22, Field.TYPE_STRING, Field.LABEL_REPEATED)
order = file.message_type.add(name="Order")
entry = order.nested_type.add(name="StockEntry")
entry.options.map_entry = True
field(entry, "key", 1, Field.TYPE_STRING)
field(entry, "value", 2, Field.TYPE_MESSAGE, of=".shop.Item")
field(order, "stock", 1, Field.TYPE_MESSAGE, Field.LABEL_REPEATED, ".shop.Order.StockEntry")
field(order, "items", 2, Field.TYPE_MESSAGE, Field.LABEL_REPEATED, ".shop.Item")
field(order, "paid", 3, Field.TYPE_MESSAGE, of=".google.protobuf.Timestamp")
order.oneof_decl.add(name="note")
field(order, "text", 4, Field.TYPE_STRING, oneof_index=0)
field(order, "code", 5, Field.TYPE_INT32, oneof_index=0)
field(order, "before", 6, Field.TYPE_MESSAGE, of=".shop.Order")
order.oneof_decl.add(name="_tip")
field(order, "tip", 7, Field.TYPE_DOUBLE, oneof_index=1, proto3_optional=True)
old = descriptor_pb2.FileDescriptorProto(name="old.proto", package="old", syntax="proto2")
legacy = old.message_type.add(name="Legacy")
field(legacy, "id", 1, Field.TYPE_INT32, Field.LABEL_REQUIRED)
field(legacy, "name", 2, Field.TYPE_STRING, default_value="nobody")
legacy.extension_range.add(start=100, end=200)
old.extension.add(name="extra", number=100, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL, extendee=".old.Legacy")

pool = descriptor_pool.Default()
print(pool.AddSerializedFile(file.SerializeToString()).name, pool.AddSerializedFile(old.SerializeToString()).package)
Item, Order, Legacy = (message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in ("shop.Item", "shop.Order", "old.Legacy"))
described = Order.DESCRIPTOR
print(described.full_name, [(it.name, it.number, it.type, it.is_repeated, it.json_name) for it in described.fields], described.oneofs_by_name["note"].fields[1].name, described.file.package, described.nested_types_by_name.keys(), pool.FindEnumTypeByName("shop.Color").values_by_number[2].name, described.fields_by_name["items"].message_type is Item.DESCRIPTOR, type(described).__module__)

apple = Item(a_int32=-5, a_uint64=2**64 - 1, a_sint64=-(2**63), a_fixed32=7, a_double=0.1, a_float=0.1, a_bool=True, a_string="é漢", a_bytes=b"\0\xff", color="RED", numbers=[1, -2, 3], names=("x", "y"))
order = Order(items=[apple, {"a_string": "pear"}], stock={"a": apple}, text="hello", before=Order(code=0))
order.stock["b"].numbers.extend(range(5))
order.paid.FromDatetime(datetime.datetime(2024, 2, 29, 12, 30))
order.items.add(a_int32=9).names.append("z")
data = order.SerializeToString(deterministic=True)
print(len(data), order.ByteSize(), data[:20].hex(), Order.FromString(data) == order, Order().MergeFromString(data), order.IsInitialized())
print(apple, apple.a_float, [(it.name, value) for it, value in apple.ListFields()][:3], repr(apple)[:30], order.WhichOneof("note"), order.HasField("tip"), order.HasField("paid"), order.before.WhichOneof("note"))
order.code = 5
print(order.WhichOneof("note"), repr(order.text), sorted(order.stock), "b" in order.stock, order.stock.get("q"), order.stock["b"].numbers[1:-1], len(order.items), [it.a_string for it in reversed(order.items)])
del order.items[1]
apple.numbers[0] = 10
apple.numbers.sort(reverse=True)
apple.numbers.insert(0, 77)
print(apple.numbers, apple.numbers == [77, 10, 3, -2], apple.numbers.pop(), 3 in apple.numbers, list(apple.names) + ["w"], copy.deepcopy(apple) == apple, pickle.loads(pickle.dumps(apple)) == apple)
order.before.CopyFrom(Order(tip=2.5))
order.ClearField("stock")
order.MergeFrom(Order(items=[Item(a_int32=1)]))
print(json_format.MessageToDict(order), json_format.Parse('{"items": [{"aInt32": 3, "aBytes": "AAE="}], "paid": "2024-01-01T00:00:00Z"}', Order()).paid.seconds, json_format.MessageToJson(Item(a_uint64=5, color=2), indent=None))
print(text_format.MessageToString(order, as_one_line=True), text_format.Parse('items { a_string: "t" numbers: [1, 2] } tip: 1e3', Order()), order.items[0].DESCRIPTOR.name, Order.StockEntry.__name__)

person = Legacy(name="Ann")
extra = pool.FindExtensionByName("old.extra")
print(person.IsInitialized(), person.FindInitializationErrors(), Legacy().name, person.SerializePartialToString())
person.id = 5
person.Extensions[extra] = "more"
print(person, person.HasExtension(extra), Legacy.FromString(person.SerializeToString()).Extensions[extra], [it.name for it in person.Extensions])
unknown = unknown_fields.UnknownFieldSet(wrappers_pb2.StringValue.FromString(b"\x0a\x01a\x10\x05\x1a\x02hi"))
print([(it.field_number, it.wire_type, it.data) for it in unknown], len(unknown))
packed = any_pb2.Any()
packed.Pack(order)
opened = Order()
print(packed.type_url, packed.Unpack(opened), opened == order, packed.Is(Item.DESCRIPTOR), duration_pb2.Duration(seconds=90).ToJsonString(), timestamp_pb2.Timestamp(seconds=5, nanos=10**6).ToJsonString())
struct = struct_pb2.Struct()
struct.update({"a": [1, "x", None, {"b": True}], "c": 2.5})
mask = field_mask_pb2.FieldMask(paths=["text", "tip"])
print(json_format.MessageToJson(struct, indent=None, sort_keys=True), struct["a"][3]["b"], mask.ToJsonString(), wrappers_pb2.Int64Value(value=5) == wrappers_pb2.Int64Value(value=5), hash(Order.DESCRIPTOR) == hash(described))
for action in (
    lambda: Item(a_int32="x"),
    lambda: Item(a_int32=2**31),
    lambda: Item(a_string=b"\xff"),
    lambda: Item(none=1),
    lambda: setattr(apple, "none", 1),
    lambda: setattr(apple, "numbers", [1]),
    lambda: Item(color="GREEN"),
    lambda: Order.FromString(b"\x0a\xff"),
    lambda: Order.FromString("text"),
    lambda: Legacy().SerializeToString(),
    lambda: order.HasField("items"),
    lambda: order.ClearField("none"),
    lambda: order.WhichOneof("none"),
    lambda: order.stock.__setitem__("a", apple),
    lambda: apple.numbers[99],
    lambda: apple.names.append(5),
    lambda: person.Extensions["x"],
    lambda: pool.FindMessageTypeByName("none.None"),
    lambda: pool.AddSerializedFile(b"\xff"),
    lambda: json_format.Parse('{"none": 1}', Order()),
    lambda: text_format.Parse("items <", Order()),
    lambda: hash(order),
    lambda: message.Message().SerializeToString(),
):
    try:
        print("no error:", action())
    except Exception as error:
        print(type(error).__name__, (str(error).splitlines() or [""])[0][:90])
big = Order(items=[Item(a_int32=i, a_string=f"item {i}", numbers=range(i % 5)) for i in range(5000)])
again = Order.FromString(big.SerializeToString())
print(len(big.SerializeToString()), sum(it.a_int32 for it in again.items), again == big, again.items[4999])
