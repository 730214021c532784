"""Values on the wire.

Null, booleans, integers of any size, finite floats, text, lists and mappings with text keys are JSON's. Everything else
is an object with the key `$` that names what it is, and `v` that holds it.
"""

import base64
import collections.abc
import datetime
import functools
import math
import sys


class Trusted(str):
    """Text that the user wrote and that holds a template. Everything made from it is plain text."""

    __slots__ = ()


class Data(str):
    """Text that looks like a template and is none: it is not from the user."""

    __slots__ = ()


def written(value):
    """A value of a file that the user or the author of a plugin wrote: all its text may be a template."""
    if type(value) in (str, Data):
        return Trusted(value)
    if type(value) is list:
        return [written(item) for item in value]
    if type(value) is dict:
        return {key: written(item) for key, item in value.items()}
    return value


def guarded(value):
    """A value whose text is told apart from what a plugin makes itself, where it could be taken for a template."""
    if type(value) is str:
        return Data(value) if "{{" in value or "{%" in value or "{#" in value else value
    if type(value) is list:
        return [guarded(item) for item in value]
    if type(value) is dict:
        return {key: guarded(item) for key, item in value.items()}
    return value


class Omit:
    """`omit`: whoever gets it leaves the argument out."""

    def __repr__(self):
        return "<<Omit>>"

    __str__ = __repr__


OMIT = Omit()

UTC = datetime.timezone.utc


@functools.lru_cache(maxsize=None)
def undefined_class():
    """The class of what is undefined: Jinja's strict one, so that plugins recognise it."""
    import jinja2

    class Missing(jinja2.StrictUndefined):
        __slots__ = ("rplay_marker",)

    return Missing


def undefined_error(message, marker):
    import jinja2.exceptions

    error = jinja2.exceptions.UndefinedError(message)
    error.rplay_marker = marker
    return error


def undefined(message, marker=None):
    """A value that raises when it is used. `marker` is the controller's number for the error."""
    value = undefined_class()(message, exc=functools.partial(undefined_error, marker=marker))
    value.rplay_marker = marker
    return value


def is_undefined(value):
    """Whether it is Jinja's undefined, without importing Jinja for it."""
    return any(kind.__name__ == "Undefined" and kind.__module__.startswith("jinja2") for kind in type(value).__mro__)


def first_undefined(values):
    for value in values:
        if is_undefined(value):
            return value
    return None


def is_trusted(value):
    """Whether text is a template: ours, or tagged by an ansible-core that is installed."""
    if isinstance(value, Trusted):
        return True
    check = getattr(sys.modules.get("ansible.template"), "is_trusted_as_template", None)
    return check is not None and isinstance(value, str) and bool(check(value))


class Codec:
    """Python values to and from what JSON can hold."""

    def __init__(self, wire):
        self.wire = wire
        # Objects of plugins that rplay has no value for; they come back to other plugins as they are.
        self.objects = {}
        # Whether text that is no template is told apart from a plugin's own.
        self.guards_text = False

    def encode(self, value):
        kind = type(value)
        if kind is str or value is None or kind is bool or kind is int:
            return value
        if kind is list:
            return [self.encode(item) for item in value]
        if kind is dict:
            return self.encode_dict(value)
        return self.encode_special(value)

    def encode_dict(self, value):
        if "$" not in value and all(type(key) is str for key in value):
            return {key: self.encode(item) for key, item in value.items()}
        return {"$": "dict", "v": [[self.encode(key), self.encode(item)] for key, item in value.items()]}

    def encode_special(self, value):
        kind = type(value)
        if kind is float:
            if math.isfinite(value):
                return value
            return {"$": "float", "v": repr(value)}
        if kind is tuple:
            return {"$": "tuple", "v": [self.encode(item) for item in value]}
        if kind is Trusted:
            return {"$": "trusted", "v": str(value)}
        if is_undefined(value):
            # Any other attribute of it raises.
            if type(value).__name__ == "Missing" and value.rplay_marker is not None:
                return {"$": "marker", "v": value.rplay_marker}
            return {"$": "undefined", "v": value._undefined_message}
        handle = getattr(value, "rplay_handle", None)
        if handle is not None:
            return {"$": "handle", "v": handle}
        if value is OMIT:
            return {"$": "omit"}
        if isinstance(value, str):
            text = str.__str__(value)
            return {"$": "trusted", "v": text} if is_trusted(value) else text
        if isinstance(value, (bytes, bytearray)):
            return {"$": "bytes", "v": base64.b64encode(bytes(value)).decode("ascii")}
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return self.encode(float(value))
        if isinstance(value, collections.abc.Mapping):
            return self.encode_dict({key: value[key] for key in value})
        if isinstance(value, (set, frozenset)):
            return {"$": "set", "v": [self.encode(item) for item in value]}
        if isinstance(value, tuple):
            return {"$": "tuple", "v": [self.encode(item) for item in value]}
        if isinstance(value, (list, range, collections.abc.Iterator, collections.abc.MappingView, collections.deque)):
            return [self.encode(item) for item in value]
        return self.encode_time(value)

    def encode_time(self, value):
        if isinstance(value, datetime.datetime):
            offset = value.utcoffset()
            seconds = None if offset is None else int(offset.total_seconds())
            return {"$": "datetime", "v": [*value.timetuple()[:6], value.microsecond, seconds]}
        if isinstance(value, datetime.date):
            return {"$": "date", "v": [value.year, value.month, value.day]}
        if isinstance(value, datetime.time):
            return {"$": "time", "v": [value.hour, value.minute, value.second, value.microsecond]}
        if isinstance(value, datetime.timedelta):
            return {"$": "timedelta", "v": [value.days, value.seconds, value.microseconds]}
        return self.encode_object(value)

    def encode_object(self, value):
        number = id(value)
        self.objects[number] = value
        return {"$": "object", "v": [number, type(value).__name__, text_of(value), text_of(value, repr), truth(value)]}

    def decode(self, found):
        if "$" not in found:
            return found
        value = found.get("v")
        kind = found["$"]
        if kind == "dict":
            return {hashable(key): item for key, item in value}
        if kind == "tuple":
            return tuple(value)
        if kind == "set":
            return set(value)
        if kind == "trusted":
            return Trusted(value)
        if kind == "marker":
            return undefined(value[1], value[0])
        if kind == "handle":
            from rplay_sidecar.context import Lazy

            return Lazy(self.wire, value)
        if kind == "bytes":
            return base64.b64decode(value)
        if kind == "float":
            return float(value)
        if kind == "omit":
            return OMIT
        if kind == "object":
            return self.objects[value]
        return decode_time(kind, value)


def decode_time(kind, value):
    if kind == "date":
        return datetime.date(*value)
    if kind == "time":
        return datetime.time(*value)
    if kind == "timedelta":
        return datetime.timedelta(days=value[0], seconds=value[1], microseconds=value[2])
    if kind == "datetime":
        offset = value[7]
        zone = None
        if offset is not None:
            zone = UTC if offset == 0 else datetime.timezone(datetime.timedelta(seconds=offset))
        return datetime.datetime(*value[:7], tzinfo=zone)
    raise ValueError("rplay sent a value of an unknown kind: " + kind)


def hashable(key):
    return tuple(hashable(item) for item in key) if isinstance(key, (list, tuple)) else key


def text_of(value, how=str):
    try:
        return how(value)
    except Exception as error:
        return "<{} that has no text: {}>".format(type(value).__name__, error)


def truth(value):
    try:
        return bool(value)
    except Exception:
        return True
