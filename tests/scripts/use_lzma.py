"""CPython's `_lzma`, alone and under the `lzma` module."""
import io
import lzma
import os
import pickle
import tempfile

import _lzma
from report import document, from_extension, said, transcript

from_extension(_lzma)
assert lzma.LZMACompressor is _lzma.LZMACompressor and lzma.LZMAError is _lzma.LZMAError

print({name: value for name, value in sorted(vars(_lzma).items()) if isinstance(value, int)})
for cls in (_lzma.LZMACompressor, _lzma.LZMADecompressor, _lzma.LZMAError):
    print(cls.__name__, cls.__qualname__, cls.__module__, cls.__mro__, cls.__text_signature__)
    print(cls.__doc__)
    print([name for name in vars(cls) if not name.startswith("__")])
document(_lzma.is_check_supported, _lzma._encode_filter_properties, _lzma._decode_filter_properties)
document(_lzma.LZMACompressor.compress, _lzma.LZMACompressor.flush, _lzma.LZMADecompressor.decompress)
for name in ("check", "eof", "needs_input", "unused_data"):
    member = vars(_lzma.LZMADecompressor)[name]
    print(name, type(member).__name__, repr(member.__doc__), repr(member))

TEXT = b"".join(b"line %d of the text to compress\n" % number for number in range(2000))
PACKED = lzma.compress(TEXT)
DELTA = [{"id": lzma.FILTER_DELTA, "dist": 5}, {"id": lzma.FILTER_LZMA2, "preset": 1 | lzma.PRESET_EXTREME}]
X86 = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16, "lc": 1, "lp": 1, "pb": 0}]
LZMA1 = [{"id": lzma.FILTER_LZMA1, "preset": 2, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC4, "nice_len": 40, "depth": 9}]
transcript(globals(), """
    len(TEXT), PACKED[:6]
    lzma.decompress(PACKED) == TEXT
    lzma.decompress(lzma.compress(b""))
    lzma.decompress(PACKED + PACKED) == TEXT * 2
    lzma.decompress(PACKED + b"trailing rubbish") == TEXT
    lzma.decompress(lzma.compress(TEXT, format=lzma.FORMAT_ALONE)) == TEXT
    lzma.decompress(lzma.compress(TEXT, filters=DELTA)) == TEXT
    lzma.decompress(lzma.compress(TEXT, filters=X86)) == TEXT
    lzma.decompress(lzma.compress(TEXT, lzma.FORMAT_RAW, filters=X86), lzma.FORMAT_RAW, filters=X86) == TEXT
    lzma.decompress(lzma.compress(TEXT, lzma.FORMAT_ALONE, filters=LZMA1)) == TEXT
    lzma.decompress(lzma.compress(TEXT, lzma.FORMAT_RAW, filters=LZMA1), lzma.FORMAT_RAW, filters=LZMA1) == TEXT
    [lzma.decompress(lzma.compress(TEXT, check=check)) == TEXT for check in (lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256)]
    [lzma.decompress(lzma.compress(TEXT, preset=preset)) == TEXT for preset in (0, 3, 6)]
    lzma.decompress(memoryview(bytearray(PACKED))) == TEXT
    lzma.decompress(PACKED[:-1])
    lzma.decompress(b"no lzma at all, and long enough")
    lzma.decompress(PACKED, format=lzma.FORMAT_ALONE)
    lzma.decompress(PACKED, memlimit=1024)
    lzma.decompress(PACKED, filters=X86)
    lzma.decompress(PACKED, format=lzma.FORMAT_RAW)
    lzma.decompress(PACKED, format=77)
    lzma.decompress("text")
    lzma.compress("text")
    lzma.compress(b"", format=77)
    lzma.compress(b"", preset=12)
    lzma.compress(b"", preset=1, filters=X86)
    lzma.compress(b"", check=55)
    lzma.compress(b"", format=lzma.FORMAT_ALONE, check=lzma.CHECK_CRC32)
    lzma.compress(b"", format=lzma.FORMAT_RAW)
    lzma.compress(b"", filters=[])
    lzma.compress(b"", filters=3)
    lzma.compress(b"", filters=[3])
    lzma.compress(b"", filters=[{}])
    lzma.compress(b"", filters=[{"id": 12345}])
    lzma.compress(b"", filters=[{"id": lzma.FILTER_LZMA2, "colour": 1}])
    lzma.compress(b"", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": "big"}])
    lzma.compress(b"", filters=[{"id": lzma.FILTER_LZMA2, "preset": -1}])
    lzma.compress(b"", filters=[{"id": lzma.FILTER_DELTA, "dist": 0}, X86[1]])
    lzma.compress(b"", filters=X86 * 3)
    lzma.is_check_supported(lzma.CHECK_CRC64), lzma.is_check_supported(9)
    lzma.is_check_supported("x")
    lzma.is_check_supported()
    lzma.is_check_supported(check_id=1)
    _lzma._encode_filter_properties({"id": lzma.FILTER_LZMA1, "preset": 3})
    _lzma._encode_filter_properties({"id": lzma.FILTER_DELTA, "dist": 16})
    _lzma._encode_filter_properties({"id": lzma.FILTER_X86, "start_offset": 32})
    _lzma._encode_filter_properties({"id": 1 << 70})
    _lzma._encode_filter_properties({})
    _lzma._encode_filter_properties(0)
    _lzma._decode_filter_properties(lzma.FILTER_LZMA1, bytes([0x5d, 0, 0, 0x10, 0]))
    _lzma._decode_filter_properties(lzma.FILTER_DELTA, bytes([15]))
    _lzma._decode_filter_properties(lzma.FILTER_X86, b"")
    _lzma._decode_filter_properties(lzma.FILTER_LZMA1, b"short")
    _lzma._decode_filter_properties(lzma.FILTER_LZMA1, b"")
    _lzma._decode_filter_properties(-1, b"")
    _lzma._decode_filter_properties(1)
    _lzma._decode_filter_properties(1, "text")
""")

# Out in pieces.
packer = _lzma.LZMACompressor(check=lzma.CHECK_SHA256, preset=2)
pieces = [packer.compress(TEXT[start:start + 999]) for start in range(0, len(TEXT), 999)]
pieces.append(packer.flush())
print(lzma.decompress(b"".join(pieces)) == TEXT)
transcript(globals(), """
    packer.flush()
    packer.compress(b"more")
    packer.compress()
    packer.compress("text")
    pickle.dumps(packer)
    _lzma.LZMACompressor(1, 2, 3, 4, 5)
    _lzma.LZMACompressor(form=1)
    _lzma.LZMACompressor("xz")
    _lzma.LZMACompressor(preset="high")
    _lzma.LZMACompressor(preset=-1)
    _lzma.LZMACompressor(lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_X86}, LZMA1[0]])
""")

# In by pieces of every size, and out with a limit.
for size in (1, 7, 100, 4096):
    reader = _lzma.LZMADecompressor()
    out = [reader.decompress(PACKED[start:start + size]) for start in range(0, len(PACKED), size)]
    print(size, b"".join(out) == TEXT, reader.eof, reader.needs_input, reader.unused_data, reader.check)
reader = _lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=1 << 27)
out = reader.decompress(PACKED, max_length=100)
while not reader.eof:
    more = reader.decompress(b"", 5000)
    assert len(more) <= 5000
    out += more
print(out == TEXT, reader.needs_input)
reader = _lzma.LZMADecompressor()
transcript(globals(), """
    reader.eof, reader.needs_input, reader.unused_data, reader.check == lzma.CHECK_UNKNOWN
    len(reader.decompress(PACKED + b"left over"))
    reader.eof, reader.needs_input, reader.unused_data, reader.check
    reader.decompress(b"again")
    reader.eof = False
    reader.check = 1
    reader.decompress()
    reader.decompress("text")
    reader.decompress(b"", "all")
    pickle.dumps(reader)
    _lzma.LZMADecompressor(1, 2, 3, 4)
    _lzma.LZMADecompressor(format=lzma.FORMAT_RAW)
    _lzma.LZMADecompressor(format=lzma.FORMAT_RAW, memlimit=5, filters=X86)
    _lzma.LZMADecompressor(format=lzma.FORMAT_XZ, filters=X86)
    _lzma.LZMADecompressor(memlimit="much")
    _lzma.LZMADecompressor(memlimit=-1)
    _lzma.LZMADecompressor().decompress(b"not an xz stream, surely")
""")
broken = bytearray(PACKED)
broken[len(broken) // 2] ^= 0xFF
try:
    _lzma.LZMADecompressor().decompress(broken)
except lzma.LZMAError as error:
    print(said(error), error.args, type(error).__module__)
try:
    raise _lzma.LZMAError("raised", "in Python")
except Exception as error:
    print(said(error), error.args)

# Files.
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "text.xz")
    with lzma.LZMAFile(path, "w", filters=DELTA) as file:
        print(file.writable(), file.readable(), file.write(TEXT))
    with lzma.LZMAFile(path) as file:
        print(file.read(40), file.tell(), file.peek(5)[:5], file.readline())
        print(file.seek(-8, io.SEEK_END), file.read(), file.read())
    with lzma.open(path, "rt", encoding="ascii") as file:
        print(next(iter(file)))
    with lzma.open(path, "ab", format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE) as file:
        file.write(b"three\n")
    with lzma.open(path) as file:
        print(file.read().splitlines()[-2:])
    with open(path, "r+b") as file:
        file.truncate(100)
    with lzma.open(path) as file:
        transcript(globals(), "file.read()")
print(list(lzma.LZMAFile(io.BytesIO(PACKED)))[-1])
