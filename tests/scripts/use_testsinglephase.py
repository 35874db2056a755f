"""CPython's `_testsinglephase`: modules with single-phase initialisation, loaded more than once."""
import os
import sys

import _testsinglephase
import reload
from report import document, from_extension, transcript

from_extension(_testsinglephase)
PATH = _testsinglephase.__file__
START = _testsinglephase.initialized_count()


def load(name):
    """Load the module called `name` from the same file, past `sys.modules`."""
    return reload.load(name, PATH)


document(_testsinglephase.sum, _testsinglephase.look_up_self, _testsinglephase.initialized_count)
transcript(globals(), """
    sorted(name for name in vars(_testsinglephase) if not name.startswith("__"))
    _testsinglephase.sum(1, 2), _testsinglephase.sum(-5, 3)
    _testsinglephase.sum(1)
    _testsinglephase.sum(1, 2, 3)
    _testsinglephase.sum("1", 2)
    _testsinglephase.sum(1 << 70, 2)
    _testsinglephase.sum(a=1, b=2)
    _testsinglephase.look_up_self(1)
    _testsinglephase.look_up_self() is _testsinglephase
    type(_testsinglephase.state_initialized())
    _testsinglephase.state_initialized() == _testsinglephase._module_initialized
    _testsinglephase.int_const, _testsinglephase.str_const
    _testsinglephase.error, _testsinglephase.error.__module__, _testsinglephase.error.__mro__
    issubclass(_testsinglephase.error, Exception)
""")

# The one module is found again, with what was put into it left out or kept as single-phase modules do.
_testsinglephase.added = "by hand"
_testsinglephase.int_const = 5
again = load("_testsinglephase")
transcript(globals(), """
    again is _testsinglephase
    again.int_const, hasattr(again, "added")
    again.error is _testsinglephase.error
    again.initialized_count() - START
    again.look_up_self() is again
    again.look_up_self() is _testsinglephase
    again.sum(3, 4)
""")

for name in ("_testsinglephase_basic_wrapper", "_testsinglephase_basic_copy"):
    module = load(name)
    other = load(name)
    print(name, module.__name__, module.__doc__, module is other, module.error is other.error, module.int_const)
    print(sorted(key for key in vars(module) if not key.startswith("__")))
    print(module.sum(40, 2), module.look_up_self() is module, other.look_up_self() is other)

name = "_testsinglephase_with_reinit"
module = load(name)
module.added = 1
other = load(name)
print(name, module.__name__, module.__doc__, module is other, hasattr(other, "added"))
print(module.error is other.error, module.state_initialized() == other.state_initialized())
print(sorted(key for key in vars(module) if not key.startswith("__")))
print(module.sum(40, 2), module.look_up_self() is module, other.look_up_self() is other)

for name in ("_testsinglephase_check_cache_first", "_testsinglephase_with_reinit_check_cache_first",
             "_testsinglephase_with_state_check_cache_first"):
    module = load(name)
    other = load(name)
    print(name, module.__name__, module.__doc__, module is other, [key for key in vars(module) if not key.startswith("__")])
try:
    load("_testsinglephase_no_such_name")
except ImportError as error:
    # Rustclad's message begins with the path.
    print(type(error).__name__, str(error).removeprefix(PATH + ": "), error.name, error.path == PATH)
sys.path.insert(0, os.path.join(os.path.dirname(load.__code__.co_filename), "../python/circular"))
transcript(globals(), """
    load("_testsinglephase_circular").helper_mod_name
    load("_testsinglephase_circular").clear_static_var().__name__
""")
del sys.path[0]
_testsinglephase.int_const = 1969
del _testsinglephase.added
sys.modules["_testsinglephase"] = _testsinglephase
