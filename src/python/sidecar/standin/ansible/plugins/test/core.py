"""Ansible's own tests as functions: rplay runs them."""

from rplay_sidecar import wire as _wire
from rplay_sidecar.context import Environment as _Environment


def _function(name):
    def call(value, *args, **kwargs):
        return _Environment(_wire.CURRENT, None).call_test("ansible.builtin." + name, value, args, kwargs)

    call.__name__ = name
    return call


def __getattr__(name):
    if name.startswith("_") or not _wire.CURRENT.ask("plugin", kind="test", name=name):
        raise AttributeError(name)
    return _function(name)


class TestModule:
    """All of them, by name."""

    def tests(self):
        return {name: _function(name) for name in _wire.CURRENT.ask("plugins", kind="test")}
