"""simplejson: both ways, with the C speedups, and errors with their places."""

import io
import math
from collections import OrderedDict, namedtuple
from decimal import Decimal

import simplejson as json
from simplejson import _speedups, encoder, scanner

print(encoder.c_make_encoder is _speedups.make_encoder, scanner.c_make_scanner is _speedups.make_scanner)
data = {"text": 'quote " slash \\ tab\t é 漢 😀 \x01 \u2028', "numbers": [0, -1, 3.5, 1e100, 10**30], "none": None, "ok": [True, False], "nested": {"a": {"b": [[], {}]}}}
text = json.dumps(data)
print(text)
print(json.loads(text) == data, json.dumps(data, ensure_ascii=False, sort_keys=True))
print(json.dumps(data["nested"], indent="--", separators=(",", " : ")))

Point = namedtuple("Point", "x y")
print(json.dumps([Point(1, 2), (3, 4), Decimal("1.10"), {1: "int", None: 0, True: 2, 2.5: 3}]))
print(json.dumps(Point(1, 2), namedtuple_as_object=False), json.dumps((1, 2), tuple_as_array=True))
print(json.loads("[1.10, 1e3]", use_decimal=True), json.loads('{"b": 1, "a": [2]}', object_pairs_hook=OrderedDict))
print(json.loads('[1, 2.5, "x", {"k": 1}]', parse_float=str, parse_int=lambda s: int(s) * 10, object_hook=lambda d: sorted(d.items())))
print(json.dumps("</script>&", for_json=True), json.dumps("</script>&", cls=json.JSONEncoderForHTML))
print(json.dumps([2**53, 2**70], bigint_as_string=True), json.dumps([2**40], int_as_string_bitcount=31))
print(json.dumps(iter([1, 2]), iterable_as_array=True), json.dumps({(1, 2): 3, "a": 1}, skipkeys=True))
print(json.dumps([math.nan, math.inf], ignore_nan=True), json.loads("[NaN, -Infinity]", allow_nan=True))


class Temperature:
    def __init__(self, degrees):
        self.degrees = degrees

    def for_json(self):
        return {"degrees": self.degrees}


class Dictish:
    def _asdict(self):
        return {"from": "asdict"}


print(json.dumps([Temperature(20), Dictish()], for_json=True))
print(json.dumps({3 + 4j}, default=lambda it: sorted(map(str, it))), json.dumps(json.RawJSON("[1,  2]")))
print("".join(json.JSONEncoder(indent=1, item_sort_key=lambda pair: -pair[1]).iterencode({"a": 1, "b": 2})))
file = io.StringIO()
json.dump(list(range(5)), file)
print(json.load(io.StringIO(file.getvalue())), json.loads(b'"bytes \xc3\xa9"'), json.JSONDecoder().raw_decode('{"a": 1} rest'))

for bad in ("", "[1,", '{"a" 1}', '["\\x"]', '"open', "nul", "[1] 2", '{"a":1,}', '["\x00"]', "-", '"\\ud800\\u12"'):
    try:
        print(repr(bad), json.loads(bad))
    except json.JSONDecodeError as error:
        print(repr(bad), error.msg, error.pos, error.lineno, error.colno)
loop = []
loop.append(loop)
for bad in (loop, {1, 2}, {b"\xff": 1}, math.nan):
    try:
        print(json.dumps(bad))
    except (TypeError, ValueError) as error:
        print(type(error).__name__, str(error)[:60])
deep = json.loads("[" * 300 + "]" * 300)
print(json.dumps(deep).count("["), len(json.dumps([data] * 500)), json.loads(json.dumps([data] * 500)) == [data] * 500)
