"""usage: load.py NAME PATH [NAME PATH ...]: load extension modules by their paths, past every finder.

Prints what came of each, and at last proves that the interpreter is unharmed by loading and using a good module.
"""
import importlib.util
import sys
from importlib.machinery import ExtensionFileLoader

for name, path in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        loader = ExtensionFileLoader(name, path)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
        loader.exec_module(module)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}")
        print(f"  name {error.name!r}, path {error.path!r}" if isinstance(error, ImportError) else "")
    else:
        print("loaded", module.__name__)

import _bz2

packer = _bz2.BZ2Compressor()
assert (packer.compress(b"text") + packer.flush()).startswith(b"BZh9")
print("alive")
