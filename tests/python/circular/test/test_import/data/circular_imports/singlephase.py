"""Stands in for the module of CPython's suite that `_testsinglephase_circular` imports while it is initialised: it
loads that module again. The real one needs all that the suite's own package imports, which is not what is tested."""
import importlib.machinery
import importlib.util

import _testsinglephase

NAME = "_testsinglephase_circular"
PATH = _testsinglephase.__file__
loader = importlib.machinery.ExtensionFileLoader(NAME, PATH)
mod = importlib.util.module_from_spec(importlib.util.spec_from_file_location(NAME, PATH, loader=loader))
loader.exec_module(mod)
