"""CPython's `_testclinic_limited`: Argument Clinic on the limited API."""
import os
import tempfile

import _testclinic_limited
from report import document, from_extension, transcript

from_extension(_testclinic_limited)
names = sorted(name for name in vars(_testclinic_limited) if not name.startswith("__"))
document(*(getattr(_testclinic_limited, name) for name in names))


class Index:
    def __index__(self):
        return 12


class Float:
    def __float__(self):
        return 2.5


class Broken:
    def __index__(self):
        raise KeyError("from __index__")

    def __float__(self):
        return "not a float"


class File:
    def __init__(self, number):
        self.number = number

    def fileno(self):
        return self.number


transcript(globals(), """
    names
    _testclinic_limited.test_empty_function()
    _testclinic_limited.test_empty_function(1)
    _testclinic_limited.test_empty_function(a=1)
    _testclinic_limited.my_int_func(5), _testclinic_limited.my_int_func(-5), _testclinic_limited.my_int_func(True)
    _testclinic_limited.my_int_func(Index())
    _testclinic_limited.my_int_func(Broken())
    _testclinic_limited.my_int_func(2**31 - 1), _testclinic_limited.my_int_func(-2**31)
    _testclinic_limited.my_int_func(2**31)
    _testclinic_limited.my_int_func(-2**31 - 1)
    _testclinic_limited.my_int_func(2**64)
    _testclinic_limited.my_int_func(1.5)
    _testclinic_limited.my_int_func("1")
    _testclinic_limited.my_int_func(None)
    _testclinic_limited.my_int_func()
    _testclinic_limited.my_int_func(1, 2)
    _testclinic_limited.my_int_func(arg=1)
    _testclinic_limited.my_int_sum(1, 2), _testclinic_limited.my_int_sum(-1, Index())
    _testclinic_limited.my_int_sum(1)
    _testclinic_limited.my_int_sum(1, 2, 3)
    _testclinic_limited.my_int_sum(1, 2.5)
    _testclinic_limited.my_int_sum("1", 2)
    _testclinic_limited.my_int_sum(1, y=2)
    _testclinic_limited.my_float_sum(1, 2.5), _testclinic_limited.my_float_sum(0.1, 0.2)
    _testclinic_limited.my_float_sum(1e300, 0)
    _testclinic_limited.my_float_sum(Float(), 1)
    _testclinic_limited.my_float_sum(1)
    _testclinic_limited.my_float_sum("1", 2)
    _testclinic_limited.my_double_sum(0.1, 0.2), _testclinic_limited.my_double_sum(Float(), Index())
    _testclinic_limited.my_double_sum(Broken(), 1)
    _testclinic_limited.my_double_sum(10**400, 1)
    _testclinic_limited.my_double_sum(1, None)
    _testclinic_limited.my_double_sum(float("inf"), 1)
    _testclinic_limited.my_double_sum(*range(5))
    _testclinic_limited.get_file_descriptor(7), _testclinic_limited.get_file_descriptor(File(9))
    _testclinic_limited.get_file_descriptor(-1)
    _testclinic_limited.get_file_descriptor(File(-2))
    _testclinic_limited.get_file_descriptor(File("x"))
    _testclinic_limited.get_file_descriptor(2**40)
    _testclinic_limited.get_file_descriptor("name")
    _testclinic_limited.get_file_descriptor(None)
""")
with tempfile.TemporaryFile() as file:
    print(_testclinic_limited.get_file_descriptor(file) == file.fileno())
