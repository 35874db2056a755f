"""cffi: calls of the C library without a compiler, and a module that is compiled here."""

import os
import sys
import weakref

import cffi

ffi = cffi.FFI()
ffi.cdef("""
    size_t strlen(const char *);
    int snprintf(char *, size_t, const char *, ...);
    void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
    int getpid(void);
    int abs(int);
    typedef struct { int quot, rem; } div_t;
    div_t div(int, int);
    enum color { RED, GREEN = 5, BLUE };
    struct point { short x; double y; char name[8]; unsigned low : 3, high : 5; struct point *next; };
    union number { int i; float f; unsigned char bytes[4]; };
""")
C = ffi.dlopen(None)

print(C.strlen(b"hello"), C.getpid() == os.getpid(), C.abs(-3))
result = C.div(17, 5)
print(result.quot, result.rem)
text = ffi.new("char[]", 40)
print(C.snprintf(text, 40, b"%d %s %.2f", ffi.cast("int", 7), ffi.new("char[]", b"seven"), ffi.cast("double", 7.5)), ffi.string(text))

numbers = ffi.new("int[]", [5, 3, 9, -1])


@ffi.callback("int(const void *, const void *)")
def compare(a, b):
    left, right = ffi.cast("const int *", a)[0], ffi.cast("const int *", b)[0]
    return (left > right) - (left < right)


C.qsort(numbers, len(numbers), ffi.sizeof("int"), compare)
print(list(numbers), ffi.sizeof(numbers), ffi.unpack(numbers, 2), numbers[1:3][0])

point = ffi.new("struct point *", {"x": 1, "y": 2.5, "name": b"first", "low": 7, "high": 9})
second = ffi.new("struct point *", [2, 3.5])
point.next = second
print(point.x, point.y, ffi.string(point.name), point.low, point.high, point.next.y, point.next.next == ffi.NULL)
print(ffi.sizeof("struct point"), ffi.alignof("struct point"), ffi.offsetof("struct point", "y"), ffi.typeof(point).item.fields[0][0])
number = ffi.new("union number *")
number.f = 1.0
print(hex(number.i), list(number.bytes), ffi.cast("enum color", 5), int(C.BLUE), ffi.typeof("enum color").elements)
print(ffi.typeof("int(*)(char, long)"), ffi.getctype("int *", "x"), ffi.typeof("int[3]").length)

memory = ffi.buffer(numbers)
memory[0:4] = (1000).to_bytes(4, sys.byteorder)
print(numbers[0], len(memory), bytes(memory[4:8]), memoryview(memory).nbytes)
source = bytearray(b"shared memory")
view = ffi.from_buffer(source)
view[0] = b"S"
print(source, len(view))
ffi.memmove(view, b"moved", 5)
print(source, bytes(ffi.buffer(view, 5)))
arithmetic = ffi.cast("int *", numbers) + 2
print(arithmetic[0], arithmetic - ffi.cast("int *", numbers), arithmetic > numbers, bool(ffi.NULL), int(ffi.cast("signed char", 200)))
handle = ffi.new_handle({"any": "object"})
print(ffi.from_handle(handle))
ended = []
owner = ffi.gc(ffi.new("int *", 1), lambda it: ended.append(it[0]))
del owner
print(ended)
keeper = weakref.WeakKeyDictionary()
keeper[point] = second
print(len(keeper))
for action in (
    lambda: numbers[4],
    lambda: C.strlen(5),
    lambda: ffi.new("short *", 70000),
    lambda: ffi.new("no_such_type *"),
    lambda: ffi.cdef("int broken("),
    lambda: C.no_such_function,
    lambda: ffi.new("struct point *", {"z": 1}),
    lambda: ffi.from_buffer("int[]", b"abc")[5],
):
    try:
        action()
        print("no error")
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0][:90])


@ffi.callback("int(int)", error=-7)
def raising(value):
    if value < 0:
        raise ValueError("negative")
    return value * 2


@ffi.callback("int(int)", error=-1, onerror=lambda kind, value, trace: ended.append(kind.__name__))
def reported(value):
    raise KeyError(value)


print(raising(4), reported(1), ended[1:])

builder = cffi.FFI()
builder.cdef("""
    typedef struct counter counter;
    counter *counter_new(int start);
    int counter_next(counter *);
    void counter_free(counter *);
    double mean(double *, int);
    extern int calls;
    #define LIMIT ...
    extern "Python" int transform(int);
    int total(int *, int);
    typedef struct { int first; ...; } partial;
    partial make_partial(int);
""")
builder.set_source("_counter", """
    #include <stdlib.h>
    #define LIMIT 1234
    typedef struct counter { int value; } counter;
    typedef struct { long hidden; int first; } partial;
    static int calls;
    static int transform(int);
    static counter *counter_new(int start) { counter *it = malloc(sizeof *it); it->value = start; return it; }
    static int counter_next(counter *it) { calls++; return it->value++; }
    static void counter_free(counter *it) { free(it); }
    static double mean(double *all, int n) { double sum = 0; for (int i = 0; i < n; i++) sum += all[i]; return sum / n; }
    static int total(int *all, int n) { int sum = 0; for (int i = 0; i < n; i++) sum += transform(all[i]); return sum; }
    static partial make_partial(int first) { partial it = { 42, first }; return it; }
""")
builder.compile(tmpdir=os.getcwd(), verbose=False)
sys.path.insert(0, os.getcwd())
from _counter import ffi as own, lib

counter = own.gc(lib.counter_new(10), lib.counter_free)
print([lib.counter_next(counter) for _ in range(3)], lib.calls, lib.LIMIT, lib.mean([1, 2, 6], 3))
lib.calls = 100
print(lib.counter_next(counter), lib.calls, lib.make_partial(9).first, own.sizeof("partial"))


@own.def_extern()
def transform(value):
    return value * value


print(lib.total([1, 2, 3], 3), own.typeof("counter *"), sorted(name for name in dir(lib) if name.islower()))
try:
    lib.counter_next(None)
except TypeError as error:
    print(error)
