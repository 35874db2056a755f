"""cython: a module of its language to C, what it found out about it, and what it says of mistakes."""

import io
import os
import re
import tempfile

import Cython
from Cython import Shadow, StringIOTree, Tempita
from Cython.Compiler import Code, Errors, FlowControl, Main, Options, Parsing, Scanning, StringEncoding, Version, Visitor
from Cython.Plex import Any, NoCase, Lexicon, Opt, Range, Rep, Rep1, Scanner, Str

SOURCE = '''# cython: language_level=3, boundscheck=False
"""Shapes."""
cimport cython
from libc.math cimport sqrt
from libc.stdlib cimport malloc, free

cdef extern from "<string.h>":
    size_t strlen(const char *text)

ctypedef fused number:
    int
    double

cdef enum Kind:
    ROUND = 1
    SQUARE

cdef struct Point:
    double x, y

cdef class Shape:
    """Has points."""
    cdef Point *points
    cdef readonly int count
    cdef public object name

    def __cinit__(self, int count, name=None):
        self.points = <Point *>malloc(count * sizeof(Point))
        self.count = count
        self.name = name or f"shape of {count:>3}"

    def __dealloc__(self):
        free(self.points)

    cpdef double length(self) except -1:
        cdef double total = 0
        cdef int i
        for i in range(self.count):
            with nogil:
                total += sqrt(self.points[i].x ** 2 + self.points[i].y ** 2)
        return total

    property kind:
        def __get__(self):
            return ROUND if self.count > 8 else SQUARE

cpdef number double_it(number value):
    return value * 2

def words(str text not None, *, int[:, ::1] grid=None, **more):
    cdef int n = strlen("abc")
    try:
        yield from (word.upper() for word in text.split() if len(word) > n)
    except (KeyError, ValueError) as error:
        raise TypeError from error
    finally:
        print({**more})

async def wait(it):
    async with it as inner:
        return await inner
'''


def translate(folder, name, source, **options):
    """Gives the C text, or the messages."""
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(source)
    messages = []
    Errors.init_thread()
    report, Errors.report_error = Errors.report_error, lambda error, use_stack=True: (messages.append(error), report(error, use_stack))
    try:
        result = Main.compile_single(path, Main.CompilationOptions(Main.default_options, errors_to_stderr=False, **options), None)
    finally:
        Errors.report_error = report
    if result.num_errors:
        return [(it.position[1:] if it.position else None, it.message_only) for it in messages]
    with open(result.c_file) as file:
        return file.read()


modules = (Code, FlowControl, Parsing, Scanning, StringEncoding, StringIOTree, Visitor)
print([it.__name__ for it in modules if it.__file__.endswith(".so")], Shadow.compiled)
with tempfile.TemporaryDirectory() as folder:
    text = translate(folder, "shapes.pyx", SOURCE, emit_linenums=False)
    print(type(text).__name__, "PyInit_shapes" in text, sorted(set(re.findall(r"__pyx_pw_6shapes_\w+", text))))
    print(sorted(set(re.findall(r"static \w+ __pyx_f_6shapes_\w+", text))), re.findall(r"struct __pyx_obj_6shapes_Shape \{.*?\n\};", text, re.S)[0])
    print(sorted(set(re.findall(r"__pyx_fuse_\w+", text)))[:6], re.findall(r"#include <\w+\.h>", text)[-4:], text.count("__Pyx_RefNannySetupContext"), text.count("Py_UNBLOCK_THREADS"))
    print(re.findall(r"/\* \"shapes.pyx\":48.*?\*/", text, re.S)[0], len(text.splitlines()))
    plain = translate(folder, "plain.py", "import cython\n@cython.cfunc\ndef f(x: cython.int) -> cython.double:\n    return x / 3\nmatch = f(2)\nprint(f'{match!r:>{10}}', lambda *a, b=1: (yield), {1: 2, **{}}, b'\\x00' rb'\\d')\n", language_level=3)
    print(len(plain.splitlines()), re.findall(r"^static double \w+\(int[^;]*;", plain, re.M), Options.get_directive_defaults()["wraparound"])
    for source in (
        "def f(:\n    pass\n",
        "cdef int x = 'text'\n",
        "cdef class A:\n    cdef int a\n    cdef int a\n",
        "def f():\n    cdef int *p = 5.0\n    return p\n",
        "cimport nothing_like_it\n",
        "cdef nogil_call() noexcept nogil:\n    print(1)\n",
        "'open\n",
    ):
        print(translate(folder, "bad.pyx", source))

word = Range("azAZ") + Rep(Range("azAZ09"))
lexicon = Lexicon([(word, "word"), (Rep1(Any("0123456789")) + Opt(Str(".")), "number"), (NoCase(Str("<=")), "sign"), (Any(" \n"), lambda scanner, it: None)])
scanner = Scanner(lexicon, io.StringIO("one 22. <= b3\nend"), "name")
print([(scanner.read(), scanner.position()[1:]) for _ in range(6)])
tree = StringIOTree.StringIOTree()
tree.write("first ")
middle = tree.insertion_point()
tree.write("last")
middle.write("middle ")
print(tree.getvalue(), tree.empty(), Tempita.Template("{{for x in items}}{{x*2}},{{endfor}}{{if a}}yes{{endif}}").substitute(items=[1, 2], a=1))
literal = StringEncoding.BytesLiteral(b'a"\n\xff??=')
print(StringEncoding.escape_byte_string(literal), literal.as_c_string_literal(), StringEncoding.EncodedString("é").as_utf8_string())
