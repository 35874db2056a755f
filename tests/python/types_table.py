"""Prints mapper/src/abi/types.tsv: what the CPython that runs this has in its own types. Run by hand."""
import ctypes
import importlib
import os
import sys

POINTER = ctypes.sizeof(ctypes.c_void_p)
TOOK_UP_VERSION = 1 << 19


class Method(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("meth", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


class Member(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("kind", ctypes.c_int), ("offset", ctypes.c_ssize_t), ("flags", ctypes.c_int),
                ("doc", ctypes.c_char_p)]


def word(type_, offset, kind=ctypes.c_ssize_t):
    return kind.from_address(id(type_) + offset).value


def table(address, struct):
    while address:
        entry = struct.from_address(address)
        if not entry.name:
            break
        yield entry
        address += ctypes.sizeof(struct)


def slots(type_):
    get = ctypes.pythonapi.PyType_GetSlot
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int]
    return sum(1 << number for number in range(1, 83) if get(type_, number))


def import_all():
    names = set(sys.builtin_module_names)
    for folder in sys.path:
        if folder.endswith("lib-dynload"):
            names |= {file.split(".")[0] for file in os.listdir(folder) if file.endswith(".so")}
    for name in sorted(names):
        if not name.startswith(("_test", "_xx", "xx", "_ctypes_test")):
            try:
                importlib.import_module(name)
            except ImportError as error:
                print(name, error, file=sys.stderr)


def of_python(type_):
    """Whether a class was written in Python, or made by this script's own means."""
    if type_.__module__ == "ctypes" and type_.__name__.startswith("LP_"):
        return True
    heap = type_.__flags__ >> 9 & 1
    names = type_.__dict__
    written = "__firstlineno__" in names or "__static_attributes__" in names
    return heap and (written or any(type(value).__name__ == "function" for value in names.values()))


def walk(type_, seen):
    if type_ not in seen:
        seen[type_] = True
        for derived in type.__subclasses__(type_):
            walk(derived, seen)
    return seen


def row(type_):
    members = ",".join(f"{m.name.decode()}:{m.kind}:{m.offset}:{m.flags}" for m in table(word(type_, 240), Member))
    methods = ",".join(f"{m.name.decode()}:{m.flags:x}" for m in table(word(type_, 232), Method))
    cells = [f"{type_.__module__}.{type_.__qualname__}", type_.__basicsize__, type_.__itemsize__, type_.__dictoffset__,
             type_.__weakrefoffset__, word(type_, 56), f"{type_.__flags__ & ~TOOK_UP_VERSION:x}", f"{slots(type_):x}",
             members or "-", methods or "-"]
    return "\t".join(map(str, cells))


known = {method.name for method in table(word(float, 232), Method)}
assert b"as_integer_ratio" in known, "the struct of types is laid out in another way"
assert {member.name for member in table(word(slice, 240), Member)} == {b"start", b"stop", b"step"}
import_all()
print("\t".join("type tp_basicsize tp_itemsize tp_dictoffset tp_weaklistoffset tp_vectorcall_offset tp_flags slots members "
                "methods".split()))
for line in sorted({line.split("\t")[0]: line for line in map(row, (t for t in walk(object, {}) if not of_python(t)))}.values()):
    print(line)
