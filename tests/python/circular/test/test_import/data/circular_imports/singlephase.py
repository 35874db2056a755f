"""Stands in for the module of CPython's suite that `_testsinglephase_circular` imports while it is initialised: it
loads that module again. The real one needs all that the suite's own package imports, which is not what is tested."""
import _testsinglephase
import reload

mod = reload.load("_testsinglephase_circular", _testsinglephase.__file__)
