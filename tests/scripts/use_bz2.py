"""CPython's `_bz2`, alone and under the `bz2` module."""
import bz2
import io
import os
import pickle
import tempfile

import _bz2
from report import document, from_extension, said, transcript

from_extension(_bz2)
assert bz2.BZ2Compressor is _bz2.BZ2Compressor

for cls in (_bz2.BZ2Compressor, _bz2.BZ2Decompressor):
    print(cls.__name__, cls.__qualname__, cls.__module__, cls.__bases__, cls.__text_signature__)
    print(cls.__doc__)
    print([name for name in vars(cls) if not name.startswith("__")])
document(_bz2.BZ2Compressor.compress, _bz2.BZ2Compressor.flush, _bz2.BZ2Decompressor.decompress)
document(_bz2.BZ2Compressor().compress)
for name in ("eof", "unused_data", "needs_input"):
    member = vars(_bz2.BZ2Decompressor)[name]
    print(name, type(member).__name__, repr(member.__doc__), repr(member))

TEXT = b"".join(b"line %d of the text to compress\n" % number for number in range(2000))
PACKED = bz2.compress(TEXT)
transcript(globals(), """
    len(TEXT), len(PACKED), PACKED[:4], PACKED[-8:].hex()
    bz2.decompress(PACKED) == TEXT
    bz2.compress(b"").hex()
    bz2.decompress(bz2.compress(b"")), bz2.decompress(b"")
    [len(bz2.compress(TEXT, level)) for level in range(1, 10)]
    bz2.compress(bytearray(TEXT)) == bz2.compress(memoryview(TEXT)) == PACKED
    bz2.decompress(PACKED + PACKED) == TEXT * 2
    bz2.decompress(PACKED + b"trailing rubbish") == TEXT
    bz2.decompress(PACKED[:-1])
    bz2.decompress(b"no bzip2 at all")
    bz2.compress("text")
    bz2.compress(12)
    bz2.compress(TEXT, 10)
""")

# Out in pieces.
packer = _bz2.BZ2Compressor(5)
pieces = [packer.compress(TEXT[start:start + 999]) for start in range(0, len(TEXT), 999)]
pieces.append(packer.flush())
print(bz2.decompress(b"".join(pieces)) == TEXT, len(b"".join(pieces)))
transcript(globals(), """
    packer.flush()
    packer.compress(b"more")
    packer.compress()
    packer.compress("text")
    packer.compress(b"", b"")
    packer.compress(data=b"")
    packer.flush(1)
    packer.eof
    packer.new = 1
    pickle.dumps(packer)
    _bz2.BZ2Compressor(0)
    _bz2.BZ2Compressor(10)
    _bz2.BZ2Compressor("9")
    _bz2.BZ2Compressor(9.0)
    _bz2.BZ2Compressor(1, 2)
    _bz2.BZ2Compressor(compresslevel=1)
    _bz2.BZ2Compressor(1 << 40)
    type(_bz2.BZ2Compressor()) is _bz2.BZ2Compressor
    isinstance(_bz2.BZ2Compressor(True), object)
""")

# In by pieces of every size, and out with a limit.
for size in (1, 7, 100, 4096):
    reader = _bz2.BZ2Decompressor()
    out = [reader.decompress(PACKED[start:start + size]) for start in range(0, len(PACKED), size)]
    print(size, b"".join(out) == TEXT, reader.eof, reader.needs_input, reader.unused_data)
reader = _bz2.BZ2Decompressor()
out = reader.decompress(PACKED, max_length=100)
rounds = 0
while not reader.eof:
    assert not reader.needs_input
    more = reader.decompress(b"", 5000)
    assert len(more) <= 5000
    out += more
    rounds += 1
print(out == TEXT, rounds, reader.needs_input)
reader = _bz2.BZ2Decompressor()
transcript(globals(), """
    reader.eof, reader.needs_input, reader.unused_data
    len(reader.decompress(PACKED + b"left over"))
    reader.eof, reader.needs_input, reader.unused_data
    reader.decompress(b"again")
    reader.eof = False
    reader.unused_data = b""
    reader.decompress()
    reader.decompress(1)
    reader.decompress("text")
    reader.decompress(b"", "all")
    reader.decompress(b"", max_length=-1, other=1)
    reader.decompress(b"", -1, -1)
    reader.decompress(max_length=3)
    pickle.dumps(reader)
    _bz2.BZ2Decompressor(1)
    _bz2.BZ2Decompressor(a=1)
    _bz2.BZ2Decompressor().decompress(b"not a bzip2 stream")
    _bz2.BZ2Decompressor.decompress(1, b"")
    _bz2.BZ2Decompressor.decompress()
    _bz2.BZ2Decompressor.eof.__get__(packer)
""")
broken = bytearray(PACKED)
broken[len(broken) // 2] ^= 0xFF
try:
    _bz2.BZ2Decompressor().decompress(broken)
except OSError as error:
    print(said(error), error.errno, error.args)
try:
    class Derived(_bz2.BZ2Compressor):
        pass
except TypeError as error:
    print(said(error))

# Files.
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "text.bz2")
    with bz2.BZ2File(path, "w", compresslevel=3) as file:
        print(file.writable(), file.readable(), file.seekable(), file.write(TEXT))
        file.writelines([b"one\n", b"two\n"])
    with bz2.BZ2File(path) as file:
        print(file.read(40), file.tell(), file.peek(5)[:5], file.readline())
        print(file.seek(-8, io.SEEK_END), file.read(), file.read())
        print(file.seek(0), len(file.readlines()))
        buffer = bytearray(30)
        file.seek(5)
        print(file.readinto(buffer), buffer)
    with bz2.open(path, "rt", encoding="ascii") as file:
        print(next(iter(file)))
    with bz2.open(path, "ab") as file:
        file.write(b"three\n")
    with bz2.open(path) as file:
        print(file.read().splitlines()[-3:])
    with open(path, "r+b") as file:
        file.truncate(100)
    with bz2.open(path) as file:
        transcript(globals(), "file.read()")
    transcript(globals(), """
        file.read()
        bz2.open(io.BytesIO(), "rw")
    """)
print([bz2.BZ2File(io.BytesIO(PACKED)).read(10), list(bz2.BZ2File(io.BytesIO(PACKED)))[-1]])
