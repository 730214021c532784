"""Checks inside of plugins that stop the program where they do not hold."""

import contextlib
import os
import sys


class _Checks:
    def __init__(self, what):
        self._what = what

    def check(self, holds, message=""):
        if not holds:
            sys.stderr.write("{} {}\n".format(self._what, message))
            os._exit(1)

    def fail(self, message=""):
        self.check(False, message)


@contextlib.contextmanager
def hard_fail_context(what):
    yield _Checks(what)
