"""Text and bytes, and lenient conversions between them."""

import codecs
import datetime
import json

_LENIENT = (None, "surrogate_or_replace", "surrogate_or_strict", "surrogate_then_replace")


def _errors(errors):
    if errors in _LENIENT:
        return "strict" if errors == "surrogate_or_strict" else "surrogateescape"
    return errors


def _nonstring(obj, nonstring, empty, text):
    if nonstring == "simplerepr":
        try:
            return text(str(obj))
        except UnicodeError:
            return text(repr(obj))
    if nonstring == "passthru":
        return obj
    if nonstring == "empty":
        return empty
    if nonstring == "strict":
        raise TypeError("obj must be a string type")
    raise TypeError("Invalid value {} for nonstring parameter".format(nonstring))


def to_text(obj, encoding="utf-8", errors=None, nonstring="simplerepr"):
    """Text of anything; bytes are decoded."""
    if isinstance(obj, str):
        return obj
    if isinstance(obj, bytes):
        return obj.decode(encoding, _errors(errors))
    return _nonstring(obj, nonstring, "", lambda text: text)


def to_bytes(obj, encoding="utf-8", errors=None, nonstring="simplerepr"):
    """Bytes of anything; text is encoded."""
    if isinstance(obj, bytes):
        return obj
    if isinstance(obj, str):
        try:
            return obj.encode(encoding, _errors(errors) if errors != "surrogate_or_strict" else "surrogateescape")
        except UnicodeEncodeError:
            if errors in (None, "surrogate_then_replace"):
                return obj.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode(encoding, "replace")
            raise
    return _nonstring(obj, nonstring, b"", lambda text: to_bytes(text, encoding, errors))


to_native = to_text


def jsonify(data, **kwargs):
    """JSON text, with bytes read as text."""
    return json.dumps(container_to_text(data), default=_json_default, **kwargs)


def _json_default(value):
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    raise TypeError("Cannot json serialize {}".format(value))


def container_to_bytes(value, encoding="utf-8", errors="surrogate_or_strict"):
    return _container(value, lambda text: to_bytes(text, encoding, errors) if isinstance(text, str) else text)


def container_to_text(value, encoding="utf-8", errors="surrogate_or_strict"):
    return _container(value, lambda data: to_text(data, encoding, errors) if isinstance(data, bytes) else data)


def _container(value, convert):
    if isinstance(value, dict):
        return {_container(key, convert): _container(item, convert) for key, item in value.items()}
    if isinstance(value, list):
        return [_container(item, convert) for item in value]
    if isinstance(value, tuple):
        return tuple(_container(item, convert) for item in value)
    return convert(value)


codecs.lookup_error("surrogateescape")
