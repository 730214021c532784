"""Ansible's own filters over URLs: the same as in `core`."""

from ansible.plugins.filter import core as _core
from ansible.plugins.filter.core import FilterModule  # noqa: F401


def __getattr__(name):
    return getattr(_core, {"logarithm": "log", "power": "pow", "inversepower": "root"}.get(name, name))
