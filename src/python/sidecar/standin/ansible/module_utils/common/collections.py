"""What is a container, and what is a string."""

from collections.abc import Hashable, Iterable, Mapping, MutableMapping, Sequence


class ImmutableDict(Hashable, Mapping):
    """A mapping that cannot be changed."""

    def __init__(self, *args, **kwargs):
        self._store = dict(*args, **kwargs)

    def __getitem__(self, key):
        return self._store[key]

    def __iter__(self):
        return iter(self._store)

    def __len__(self):
        return len(self._store)

    def __hash__(self):
        return hash(frozenset(self.items()))

    def __eq__(self, other):
        return isinstance(other, Hashable) and hash(self) == hash(other)

    def __repr__(self):
        return "ImmutableDict({!r})".format(self._store)

    def union(self, overriding_mapping):
        return ImmutableDict(self._store, **overriding_mapping)

    def difference(self, subtractive_iterable):
        gone = frozenset(subtractive_iterable)
        return ImmutableDict((key, value) for key, value in self.items() if key not in gone)


def is_string(seq):
    return isinstance(seq, (str, bytes))


def is_iterable(seq, include_strings=False):
    if not include_strings and is_string(seq):
        return False
    try:
        iter(seq)
        return True
    except TypeError:
        return False


def is_sequence(seq, include_strings=False):
    if not include_strings and is_string(seq):
        return False
    return isinstance(seq, Sequence)


def count(seq):
    if not is_iterable(seq):
        raise Exception("Argument provided  is not an iterable")
    counters = {}
    for item in seq:
        counters[item] = counters.get(item, 0) + 1
    return counters


__all__ = ["ImmutableDict", "Iterable", "Mapping", "MutableMapping", "Sequence", "count", "is_iterable", "is_sequence"]
