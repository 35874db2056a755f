"""Settings that CPython keeps from its own build and setuptools asks for; RustPython was built by no C compiler."""

import sys
import sysconfig

if "RustPython" in sys.version:
    sysconfig.get_config_vars().update(
        CCSHARED="-fPIC",
        CFLAGS="-O2",
        EXT_SUFFIX=".cpython-314-x86_64-linux-gnu.so",
        LDCXXSHARED="c++ -shared",
        LDSHARED="cc -shared",
        Py_GIL_DISABLED=0,
    )
