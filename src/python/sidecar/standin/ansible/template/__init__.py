"""Templating as plugins use it."""

from rplay_sidecar import values as _values
from rplay_sidecar.context import Environment as AnsibleEnvironment  # noqa: F401
from rplay_sidecar.lookups import Templar  # noqa: F401


def __getattr__(name):
    if name == "AnsibleUndefined":
        return _values.undefined_class()
    raise AttributeError(name)


def accept_args_markers(plugin):
    """Marks a plugin that wants to see undefined arguments."""
    plugin.accept_args_markers = True
    return plugin


def accept_lazy_markers(plugin):
    """Marks a plugin that wants to see undefined values inside of its arguments."""
    plugin.accept_lazy_markers = True
    return plugin


def trust_as_template(value):
    """Text that the templar renders."""
    return _values.Trusted(value) if isinstance(value, str) else value


def is_trusted_as_template(value):
    return isinstance(value, _values.Trusted)
