"""Functions of os, resource, sys, struct, gc and ctypes that published packages call, and what else RustPython lacks."""
import ctypes
import gc
import os
import resource
import struct
import sys

UNARY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
libc = ctypes.CDLL(None)
numbers = (ctypes.c_int * 5)(5, 3, 1, 2, 4)
libc.qsort.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, COMPARE]
libc.qsort.restype = None


def at(address):
    return ctypes.c_int.from_address(address).value


class Adapter:
    _as_parameter_ = COMPARE(lambda a, b: at(b) - at(a))


libc.snprintf.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
text = ctypes.create_string_buffer(40)
padded = bytearray(b"\xff" * 16)

from report import transcript

transcript(globals(), """
os.major(os.makedev(8, 3)), os.minor(os.makedev(8, 3)), os.makedev(259, 70000)
resource.prlimit(0, resource.RLIMIT_NOFILE, (512, 1024)) != (512, 1024)
resource.prlimit(0, resource.RLIMIT_NOFILE), resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1024)), resource.getrlimit(resource.RLIMIT_NOFILE)
resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY)), resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_NOFILE, (1,))
resource.getrlimit(999)
resource.prlimit(0, 999)
resource.prlimit(-5, resource.RLIMIT_NOFILE)
resource.prlimit(0, resource.RLIMIT_NOFILE, (1,))
ctypes.cast(libc.abs, UNARY)(-3)
ctypes.cast(ctypes.cast(libc.abs, ctypes.c_void_p), UNARY)(-4)
ctypes.cast(ctypes.cast(libc.abs, ctypes.c_void_p).value, UNARY)(-5)
ctypes.cast(UNARY(lambda number: number + 1), UNARY)(6)
bool(ctypes.cast(None, UNARY)), bool(ctypes.cast(libc.abs, UNARY))
[libc.qsort(numbers, 5, 4, COMPARE(lambda a, b: at(a) - at(b))), list(numbers)][1]
[libc.qsort(numbers, 5, 4, Adapter()), list(numbers)][1]
COMPARE.from_param(7)
COMPARE.from_param(UNARY(lambda number: number))
sys.getdlopenflags() == os.RTLD_NOW
sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL), sys.getdlopenflags() == os.RTLD_NOW | os.RTLD_GLOBAL
sys.setdlopenflags("x")
libc.snprintf(text, 40, b"plain"), text.value
libc.snprintf(text, 40, b"%d %s %ld %.2f %p", 7, b"bytes", ctypes.c_long(1 << 40), ctypes.c_double(2.5), None), text.value
libc.snprintf(text, 40, b"%d", 1.5)
struct.pack_into("bi", padded, 8, 1, 2), bytes(padded)
struct.Struct("hxxq").pack_into(padded, 0, -1, 5), bytes(padded)
struct.pack_into("bi", padded, 9, 1, 2)
struct.pack_into("bi", padded, 0, 1)
struct.pack("c", 5)
struct.pack("c", b"ab")
struct.pack("3s", "text")
struct.pack("d", "text")
struct.pack("i", 1.5)
struct.pack_into("d", padded, 0, {})
struct.pack_into("2c", padded, 0, b"a", "b")
struct.Struct("5s").pack(7)
struct.pack_into.__name__, struct.Struct.pack_into.__name__, struct.pack_into.__module__
[1, 2] * (sys.maxsize // 2 + 1)
(1, 2) * (sys.maxsize // 2 + 1)
[1] * 3, (1, 2) * 2, [1] * -1, [] * sys.maxsize
gc.is_tracked((1, "a")) in (True, False), gc.is_tracked(tuple([1, 2])), gc.is_tracked(([],)), gc.is_tracked({}), gc.is_tracked(1)
""")
