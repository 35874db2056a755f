"""A pytest plugin that writes down what happens as it happens, so that the board knows where a process died.

Each line of the file that `BOARD_LOG` names is a JSON list: what happened, then the test or file, then details. Tests and
files that `BOARD_DONE` lists, a line each, are left out: an earlier process has run them, or died of them.
"""

import json
import os
import re
import tempfile

import pytest

LOG = os.environ["BOARD_LOG"]
ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


def write(*words):
    # Opened anew each time: tests fork, close descriptors and change the folder.
    with open(LOG, "a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(json.dumps(words) + "\n")


def done():
    with open(os.environ["BOARD_DONE"], encoding="utf-8", errors="backslashreplace") as file:
        return set(file.read().splitlines())


def stable(text, root):
    """`text` without what differs from machine to machine and from run to run."""
    text = text.replace(str(root) + os.sep, "").replace(tempfile.gettempdir(), "TMP")
    return ADDRESS.sub("0x?", text).encode("ascii", "backslashreplace").decode().replace("\n", "\\n")


class Board:
    def __init__(self, config):
        self.root = config.rootpath
        self.done = done()
        self.names = {}
        self.outcomes = {}

    def file(self, node):
        """The name of a file of tests, from its collector or the report on it."""
        return "file " + stable(node.nodeid, self.root)

    def pytest_ignore_collect(self, collection_path):
        name = "file " + os.path.relpath(collection_path, self.root)
        return True if name in self.done else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectstart(self, collector):
        if isinstance(collector, pytest.Module):
            write("collect", self.file(collector))

    def pytest_collectreport(self, report):
        if report.failed:
            write("uncollected", self.file(report), last_line(report.longreprtext))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        kept, left = [], []
        seen = {}
        for item in items:
            name = stable(item.nodeid, self.root)
            count = seen[name] = seen.get(name, 0) + 1
            if count > 1:
                name = f"{name} #{count}"
            self.names[id(item)] = name
            (left if name in self.done else kept).append(item)
        items[:] = kept
        if left:
            config.hook.pytest_deselected(items=left)
        write("collected", len(kept))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        name = self.names[id(item)]
        self.outcomes = {}
        write("start", name)
        result = yield
        outcome = next((it for it in ("failed", "skipped") if it in self.outcomes), "passed")
        write("end", name, outcome, stable(self.outcomes[outcome], self.root)[:300] if outcome in self.outcomes else "")
        return result

    def pytest_runtest_logreport(self, report):
        # A test counts as failed if any part of it fails: setup, call, a subtest, teardown.
        if report.outcome != "passed" and not (report.skipped and report.outcome in self.outcomes):
            self.outcomes.setdefault(report.outcome, reason(report))

    def pytest_sessionfinish(self, exitstatus):
        write("finish", int(exitstatus))


def reason(report):
    if report.skipped:
        why = getattr(report, "wasxfail", None)
        if why is not None:
            return f"expected to fail: {why}"
        return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message.strip().split("\n")[0] if crash else last_line(report.longreprtext)


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E ")]
    return (errors or lines or [""])[-1].removeprefix("E").strip()


def pytest_configure(config):
    config.pluginmanager.register(Board(config), "board")
