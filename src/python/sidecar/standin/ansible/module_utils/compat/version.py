"""Versions that compare loosely, as `distutils` had them."""

import functools
import re


@functools.total_ordering
class LooseVersion:
    """Numbers and words in turn; numbers compare as numbers."""

    component_re = re.compile(r"(\d+ | [a-z]+ | \.)", re.VERBOSE)

    def __init__(self, vstring=None):
        if vstring is not None:
            self.parse(vstring)

    def parse(self, vstring):
        self.vstring = vstring
        parts = [part for part in self.component_re.split(vstring) if part and part != "."]
        self.version = [int(part) if part.isdigit() else part for part in parts]

    def _other(self, other):
        return LooseVersion(other) if isinstance(other, str) else other

    def __eq__(self, other):
        return self.version == self._other(other).version

    def __lt__(self, other):
        return self.version < self._other(other).version

    __hash__ = None

    def __str__(self):
        return self.vstring

    def __repr__(self):
        return "LooseVersion ('{}')".format(self.vstring)


class StrictVersion(LooseVersion):
    """Kept for imports; compares in the same way."""
