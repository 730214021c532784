"""The `six` that plugins import, for Python 3 alone."""

import functools
import importlib
import io
import operator
import sys
import types

PY2 = False
PY3 = True
PY34 = True
string_types = (str,)
integer_types = (int,)
class_types = (type,)
text_type = str
binary_type = bytes
MAXSIZE = sys.maxsize
StringIO = io.StringIO
BytesIO = io.BytesIO
next = advance_iterator = next
callable = callable
wraps = functools.wraps
unichr = chr
Iterator = object

_MOVED = {
    "configparser": "configparser",
    "builtins": "builtins",
    "cPickle": "pickle",
    "queue": "queue",
    "http_client": "http.client",
    "http_cookies": "http.cookies",
    "http_cookiejar": "http.cookiejar",
    "html_entities": "html.entities",
    "html_parser": "html.parser",
    "socketserver": "socketserver",
    "reprlib": "reprlib",
    "_thread": "_thread",
    "winreg": "winreg",
    "urllib": "urllib",
    "urllib_parse": "urllib.parse",
    "urllib_error": "urllib.error",
    "urllib_request": "urllib.request",
}


def _plain(name):
    return {
        "cStringIO": io.StringIO,
        "StringIO": io.StringIO,
        "filter": filter,
        "map": map,
        "zip": zip,
        "range": range,
        "xrange": range,
        "input": input,
        "reduce": functools.reduce,
        "zip_longest": __import__("itertools").zip_longest,
        "filterfalse": __import__("itertools").filterfalse,
        "shlex_quote": __import__("shlex").quote,
        "intern": sys.intern,
        "reload_module": importlib.reload,
        "getcwd": __import__("os").getcwd,
    }[name]


class _Moves(types.ModuleType):
    """`six.moves`: the standard library's modules under their common names."""

    __path__ = []

    def __getattr__(self, name):
        if name in _MOVED:
            return importlib.import_module(_MOVED[name])
        try:
            return _plain(name)
        except KeyError:
            raise AttributeError(name) from None


moves = _Moves(__name__ + ".moves")
sys.modules[__name__ + ".moves"] = moves
for _name in ("configparser", "cPickle", "queue", "builtins", "urllib", "http_client", "html_parser"):
    sys.modules[__name__ + ".moves." + _name] = importlib.import_module(_MOVED[_name])
for _name in ("parse", "error", "request", "response"):
    sys.modules[__name__ + ".moves.urllib." + _name] = importlib.import_module("urllib." + _name)
    if _name != "response":
        sys.modules[__name__ + ".moves.urllib_" + _name] = importlib.import_module("urllib." + _name)


def u(text):
    return text


def b(text):
    return text.encode("latin-1")


def iteritems(mapping, **kwargs):
    return iter(mapping.items(**kwargs))


def iterkeys(mapping, **kwargs):
    return iter(mapping.keys(**kwargs))


def itervalues(mapping, **kwargs):
    return iter(mapping.values(**kwargs))


viewitems = operator.methodcaller("items")
viewkeys = operator.methodcaller("keys")
viewvalues = operator.methodcaller("values")
int2byte = operator.methodcaller("to_bytes", 1, "big")
byte2int = operator.itemgetter(0)
indexbytes = operator.getitem
iterbytes = iter
get_function_code = operator.attrgetter("__code__")
get_method_self = operator.attrgetter("__self__")


def ensure_text(text, encoding="utf-8", errors="strict"):
    return text.decode(encoding, errors) if isinstance(text, bytes) else text


def ensure_binary(text, encoding="utf-8", errors="strict"):
    return text.encode(encoding, errors) if isinstance(text, str) else text


ensure_str = ensure_text


def raise_from(value, from_value):
    raise value from from_value


def reraise(tp, value, tb=None):
    raise (tp() if value is None else value).with_traceback(tb)


def print_(*args, **kwargs):
    print(*args, **kwargs)


def with_metaclass(meta, *bases):
    return meta("with_metaclass", bases or (object,), {})


def add_metaclass(metaclass):
    def wrap(cls):
        body = {key: value for key, value in cls.__dict__.items() if key not in ("__dict__", "__weakref__")}
        return metaclass(cls.__name__, cls.__bases__, body)

    return wrap


def python_2_unicode_compatible(cls):
    return cls
