"""The wheel `ujson`: JSON, written and read in C."""
import decimal
import io
import math

import ujson
from report import document, from_extension, transcript

from_extension(ujson)
document(ujson.dumps, ujson.loads, ujson.dump, ujson.load)
print(ujson.encode.__doc__, ujson.decode.__doc__, ujson.JSONDecodeError.__mro__, ujson.JSONDecodeError.__module__)


class Own:
    def __json__(self):
        return '{"own": true}'


class AsDict:
    def toDict(self):
        return {"k": [1, 2]}


class Bad:
    def __json__(self):
        raise RuntimeError("from __json__")


DATA = {"text": "caf\u00e9 \u20ac \U0001f600", "numbers": [0, -1, 1.5, 1e100, 2**63 - 1, -2**63, 2**64 - 1],
        "rest": [None, True, False, [], {}, [[]], "</script>", "a/b\\\"\n\t\x01"]}
deep = []
for _ in range(2000):
    deep = [deep]
loop = []
loop.append(loop)
transcript(globals(), """
    ujson.dumps(DATA)
    ujson.dumps(DATA, ensure_ascii=False)
    ujson.dumps(DATA, escape_forward_slashes=False, encode_html_chars=True)
    ujson.dumps(DATA, indent=2)
    ujson.dumps({"b": 1, "a": 2}, sort_keys=True)
    ujson.dumps({"b": 1, "a": [2, 3]}, separators=(" ; ", " = "))
    ujson.loads(ujson.dumps(DATA)) == DATA
    ujson.dumps((1, 2, (3,))), ujson.dumps({1: 2, None: 3, True: 4, 1.5: 5})
    ujson.dumps(0.1), ujson.dumps(1 / 3), ujson.dumps(-0.0), ujson.dumps(1e16), ujson.dumps(123456.789)
    ujson.dumps(2**64), ujson.dumps(-2**63 - 1), ujson.dumps(2**200)
    ujson.dumps(Own()), ujson.dumps([Own()]), ujson.dumps(AsDict())
    ujson.dumps(Bad())
    ujson.dumps(object)
    ujson.dumps({1, 2})
    ujson.dumps({1, 2}, default=sorted)
    ujson.dumps(3j, default=str), ujson.dumps([3j], default=lambda x: {"re": x.real})
    ujson.dumps(3j, default=lambda x: 1 / 0)
    ujson.dumps(decimal.Decimal("1.25"))
    ujson.dumps(float("nan"))
    ujson.dumps(math.inf)
    ujson.dumps(math.inf, allow_nan=False)
    ujson.dumps([math.nan, math.inf, -math.inf], allow_nan=True)
    ujson.dumps(b"bytes")
    ujson.dumps(b"bytes", reject_bytes=False)
    ujson.dumps("\\ud800")
    ujson.dumps("\\ud800", reject_bytes=False)
    ujson.dumps("\\ud800", surrogatepass=True)
    ujson.dumps(deep)
    ujson.dumps(loop)
    ujson.dumps()
    ujson.dumps(1, colour=2)
    ujson.dumps(1, indent="x")
    ujson.dumps(1, separators=",")
    ujson.dumps(1, separators=(",", 5))
    ujson.loads('{"a": [1, 2.5, -3e2, "x", null, true, false], "b": {}}')
    ujson.loads(b' [1, 2 ] '), ujson.loads(bytearray(b"[3]")), ujson.loads(memoryview(b"[4]"))
    ujson.loads('"\\\\u20ac \\\\ud83d\\\\ude00 \\\\n"'), ujson.loads('"caf\u00e9"'), ujson.loads('"\\\\ud800"')
    ujson.loads("12345678901234567890123"), ujson.loads("-9223372036854775809"), ujson.loads("1e400")
    ujson.loads("NaN"), ujson.loads("[Infinity, -Infinity]")
    ujson.loads("")
    ujson.loads("[1, 2")
    ujson.loads("[1 2]")
    ujson.loads("{1: 2}")
    ujson.loads('{"a" 1}')
    ujson.loads('"open')
    ujson.loads('"\\\\x"')
    ujson.loads("tru")
    ujson.loads("[1] 2")
    ujson.loads("[" * 2000)
    ujson.loads(5)
    ujson.loads(None)
    ujson.loads(b"\\xff\\xfe")
    ujson.loads(b'"\\xff"')
    ujson.loads()
    ujson.loads("1", colour=2)
    ujson.load(io.StringIO("[1, 2]")), ujson.load(io.BytesIO(b"[3]"))
    ujson.load(5)
    ujson.dump([1], 5)
""")
out = io.StringIO()
ujson.dump({"to": ["file"]}, out)
print(out.getvalue(), ujson.__version__)
