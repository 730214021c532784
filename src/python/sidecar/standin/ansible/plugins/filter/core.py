"""Ansible's own filters as functions: rplay runs them."""

from rplay_sidecar import wire as _wire
from rplay_sidecar.context import Environment as _Environment

_OTHER_NAMES = {
    "to_bool": "bool",
    "regex_replace": "regex_replace",
    "get_hash": "hash",
    "get_encrypted_password": "password_hash",
    "fileglob": "fileglob",
    "rand": "random",
    "randomize_list": "shuffle",
    "b64encode": "b64encode",
    "b64decode": "b64decode",
    "do_groupby": "groupby",
    "mandatory": "mandatory",
    "strftime": "strftime",
}


def _function(name):
    def call(value, *args, **kwargs):
        return _Environment(_wire.CURRENT, None).call_filter("ansible.builtin." + name, value, args, kwargs)

    call.__name__ = name
    return call


def __getattr__(name):
    native = _OTHER_NAMES.get(name, name)
    if name.startswith("_") or not _wire.CURRENT.ask("plugin", kind="filter", name=native):
        raise AttributeError(name)
    return _function(native)


class FilterModule:
    """All of them, by name."""

    def filters(self):
        return {name: _function(name) for name in _wire.CURRENT.ask("plugins", kind="filter")}
