"""CPython's `_testimportmultiple`: several modules in one file."""
import importlib.util
from importlib.machinery import ExtensionFileLoader

import _testimportmultiple
from report import from_extension, transcript

from_extension(_testimportmultiple)
PATH = _testimportmultiple.__file__


def load(name):
    loader = ExtensionFileLoader(name, PATH)
    spec = importlib.util.spec_from_loader(name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


for name in ("_testimportmultiple_foo", "_testimportmultiple_bar", "_testimportmultiple"):
    module = load(name)
    print(module.__name__, module.__doc__, module.__file__ == PATH, type(module), module.__package__)
try:
    load("_testimportmultiple_nonexistent")
except ImportError as error:
    print(type(error).__name__, error.name, error.path == PATH, "PyInit__testimportmultiple_nonexistent" in str(error))
try:
    load("caf\u00e9")
except ImportError as error:
    print(type(error).__name__, ascii(error.name), error.path == PATH, "PyInitU_caf_dma" in str(error))
