"""CPython's `_ctypes_test`, as a module (its C functions are for ctypes to find)."""
import _ctypes_test
from report import document, from_extension, transcript

from_extension(_ctypes_test)
document(_ctypes_test.func, _ctypes_test.func_si)
transcript(globals(), """
    sorted(name for name in vars(_ctypes_test) if not name.startswith("__"))
    _ctypes_test.func()
    _ctypes_test.func(1)
    _ctypes_test.func_si("text", 5)
    _ctypes_test.func_si("text")
    _ctypes_test.func_si(1, 2)
    _ctypes_test.func_si("text", "five")
    _ctypes_test.func_si("te\\0xt", 5)
    _ctypes_test.get_last_tf_arg_s()
    _ctypes_test.get_last_tf_arg_u()
    _ctypes_test.get_last_tf_arg_s(1)
    _ctypes_test.get_generated_test_data(None)
    _ctypes_test.get_generated_test_data("no such structure")
    _ctypes_test.get_generated_test_data("SingleInt")
""")
