"""A tour of Rustclad: `cargo tour` runs it.

Every extension module below is somebody else's binary, compiled for CPython 3.14 and loaded as it came.
"""
import bz2
import sys
import traceback

import _bz2
import markupsafe
from markupsafe import _speedups


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


title("Where we are")
print(f"This is {sys.implementation.name}, Python {sys.version.split()[0]}: an interpreter in Rust, without CPython.")

title("Real extension modules")
for module in (_bz2, _speedups):
    print(f"{module.__name__:22} from {module.__file__.rpartition('/')[2]}")

title("Compressing a file with CPython's own _bz2")
with open(__file__, "rb") as file:
    source = file.read()
packer = _bz2.BZ2Compressor(9)
packed = packer.compress(source) + packer.flush()
print(f"This script has {len(source)} bytes, and {len(packed)} when compressed in C.")
reader = _bz2.BZ2Decompressor()
unpacked = b"".join(reader.decompress(packed[start:start + 100]) for start in range(0, len(packed), 100))
assert unpacked == source == bz2.decompress(packed)
print("Decompressed in pieces of 100 bytes, it is the same again.")

title("Escaping HTML with markupsafe")
page = markupsafe.Markup("<p>Hello, {}!</p>").format("<b>Tom & Jerry</b>")
print(page)
print("Its C function:", _speedups._escape_inner("1 < 2 & '3' > \"2\""))

title("An error raised in C")


def unpack(data):
    return _bz2.BZ2Decompressor().decompress(data)


try:
    unpack(b"this was never compressed")
except OSError:
    traceback.print_exc(file=sys.stdout)
print("\nAnd Python goes on.")
