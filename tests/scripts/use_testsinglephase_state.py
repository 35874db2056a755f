"""CPython's `_testsinglephase` under its name with a module state, loaded more than once."""
from reload import load

import _testsinglephase
from report import from_extension

name = "_testsinglephase_with_state"
from_extension(_testsinglephase)
module = load(name, _testsinglephase.__file__)
module.added = 1
other = load(name, _testsinglephase.__file__)
print(name, module.__name__, module.__doc__, module is other, hasattr(other, "added"))
print(module.error is other.error, module.state_initialized() == other.state_initialized())
print(sorted(key for key in vars(module) if not key.startswith("__")))
print(module.sum(40, 2), module.look_up_self() is module, other.look_up_self() is other)
