"""What is undefined inside of templates."""

from rplay_sidecar import values as _values


def __getattr__(name):
    if name in ("Marker", "UndefinedMarker"):
        return _values.undefined_class()
    raise AttributeError(name)
