"""pyyaml: libyaml's loader and dumper beside the ones in Python."""

import datetime
import io

import yaml
from yaml import CDumper, CLoader, CSafeDumper, CSafeLoader, _yaml

TEXT = """\
# a document with a bit of all
name: &anchor Rustclad
again: *anchor
numbers: [1, 0x1F, 0o17, 1_000, -2.5, .inf, 1e3, 12:30:45]
words: [yes, No, null, ~, "quoted \\u00e9 \\x41", 'single ''quoted''']
dates: [2024-02-29, 2024-02-29T12:30:15.5Z]
folded: >
  one line
  and another

literal: |-
  kept
    as is
base: &base {a: 1, b: {c: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}
merged:
  <<: *base
  a: 2
? [complex, key]
: value
set: !!set {x, y}
pairs: !!pairs [a: 1, a: 2]
binary: !!binary aGVsbG8=
漢字: 😀
"""

print(_yaml.get_version_string() == ".".join(map(str, _yaml.get_version())), yaml.__with_libyaml__)
fast = yaml.load(TEXT.replace("? [complex, key]\n: value\n", ""), CSafeLoader)
slow = yaml.load(TEXT.replace("? [complex, key]\n: value\n", ""), yaml.SafeLoader)
print(fast == slow)
for key, value in fast.items():
    print(key, "=", sorted(value) if isinstance(value, set) else value)
for loader in (CSafeLoader, yaml.SafeLoader):
    print([type(token).__name__ for token in yaml.scan("a: [b, *c]", loader)])
    print([str(event) for event in yaml.parse("- &x !t {a: 'b'}\n- |\n  c\n", loader)])
    node = yaml.compose("a: {b: [1, 2]}", loader)
    print(node, node.start_mark.line, node.end_mark.column)

data = {"text": "line one\nline two\n", "list": [1, 2.5, None, True, "yes", "é", datetime.date(2024, 2, 29)], "nested": {"a": {"b": []}}, "bytes": b"\x00\xff", "tuple": (1, 2)}
shared = ["shared"]
data["twice"] = [shared, shared]
print(yaml.dump(data, Dumper=CDumper) == yaml.dump(data, Dumper=yaml.Dumper))
print(yaml.dump(data, Dumper=CDumper, sort_keys=False, allow_unicode=True, default_flow_style=None))
print(yaml.dump(data, Dumper=CDumper, canonical=True)[:200])
print(yaml.dump_all([1, {"a": "b"}], Dumper=CSafeDumper, explicit_start=True, explicit_end=True, version=(1, 1), indent=4))
print(yaml.dump("x " * 40, Dumper=CSafeDumper, width=30, default_style='"'))
print(list(yaml.load_all("--- 1\n--- [2]\n...\n--- {a: b}\n", CSafeLoader)), yaml.load(io.BytesIO("é: ü".encode("utf-16")), CSafeLoader))


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


yaml.add_representer(Point, lambda dumper, it: dumper.represent_mapping("!point", {"x": it.x, "y": it.y}), CDumper)
yaml.add_constructor("!point", lambda loader, node: Point(**loader.construct_mapping(node)), CLoader)
text = yaml.dump([Point(1, 2), Point(3, 4)], Dumper=CDumper)
print(text, [(it.x, it.y) for it in yaml.load(text, CLoader)])
print(yaml.load("!!python/tuple [1, !!python/complex 1+2j]", yaml.CUnsafeLoader))

for bad in ("a: b: c", "[1, 2", "*nothing", "a: !unknown 1", "\tx: 1", "a: 'open", "a: \x01", "{a: 1, {b}: 2}: c", "- 1\n - 2\n- 3\n: 4"):
    try:
        print(repr(bad), yaml.load(bad, CSafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        print(repr(bad), type(error).__name__, getattr(error, "problem", error), mark and (mark.line, mark.column))


class Broken(io.RawIOBase):
    def read(self, size=-1):
        raise OSError("no more")


try:
    yaml.load(Broken(), CSafeLoader)
except OSError as error:
    print("OSError", error)
try:
    yaml.dump(object(), Dumper=CSafeDumper)
except yaml.YAMLError as error:
    print(type(error).__name__, error.args[0])
rows = [{"id": i, "name": f"row {i}", "tags": ["a", "b", str(i)]} for i in range(500)]
text = yaml.dump(rows, Dumper=CSafeDumper)
print(len(text), yaml.load(text, CSafeLoader) == rows)
