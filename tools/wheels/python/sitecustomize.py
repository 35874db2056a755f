"""RustPython has no global lock and says so in `Py_GIL_DISABLED`, for which setuptools and cffi would compile for CPython
without the lock. What they compile here is for CPython with it."""

import sys
import sysconfig

if "RustPython" in sys.version:
    sysconfig.get_config_vars()["Py_GIL_DISABLED"] = 0
