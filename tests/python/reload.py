"""Loads a module past `sys.modules`, as often as one likes."""
import importlib.util
import sys
from importlib.machinery import ExtensionFileLoader


def load(name, path):
    """Load the module called `name` from the library at `path`."""
    sys.modules.pop(name, None)
    loader = ExtensionFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
