"""usage: run_suite.py MODULE EXTENSION...: run a module of CPython's own tests with extension modules in place.

Prints one line for each test that fails (`failed ID`) and, at last, `ran N, skipped M`. The extension modules must
be C's and not RustPython's own: if one is not, that is a failure, too.
"""
import importlib
import sys
import unittest

name, *extensions = sys.argv[1:]
sys.argv[1:] = []


class Result(unittest.TestResult):
    """Counts, and names what fails once."""

    def __init__(self):
        super().__init__()
        self.failed = {}

    def note(self, test, err):
        self.failed.setdefault(test.id(), "".join(self._exc_info_to_string(err, test)))

    def addError(self, test, err):
        self.note(test, err)

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note(test, err)

    def addUnexpectedSuccess(self, test):
        self.failed.setdefault(test.id(), "unexpected success")


result = Result()
for extension in extensions:
    file = getattr(importlib.import_module(extension), "__file__", None)
    if not file or not file.endswith(".so"):
        result.failed[extension] = "not a C module"
suite = unittest.defaultTestLoader.loadTestsFromName(name)
suite.run(result)
for test, text in result.failed.items():
    print("failed", test)
    print(text, file=sys.stderr)
print(f"ran {result.testsRun}, skipped {len(result.skipped)}")
