"""Plugins by name; rplay runs them."""

from rplay_sidecar import wire as _wire
from rplay_sidecar.context import Environment, run_lookup


class _Lookup:
    """A lookup of rplay's, or another Python one."""

    def __init__(self, name, templar):
        self._name = name
        self._scope = getattr(templar, "_scope", None)

    def run(self, terms, variables=None, **kwargs):
        terms = terms if isinstance(terms, (list, tuple)) else [terms]
        return run_lookup(_wire.CURRENT, self._scope, self._name, terms, dict(kwargs, wantlist=True))


class _Loader:
    def __init__(self, kind):
        self._kind = kind

    def get(self, name, *args, **kwargs):
        if not _wire.CURRENT.ask("plugin", kind=self._kind, name=name):
            return None
        if self._kind == "lookup":
            return _Lookup(name, kwargs.get("templar"))
        functions = Environment(_wire.CURRENT, None)
        return (functions.filters if self._kind == "filter" else functions.tests)[name]

    def has_plugin(self, name, collection_list=None):
        return bool(_wire.CURRENT.ask("plugin", kind=self._kind, name=name))

    __contains__ = has_plugin


lookup_loader = _Loader("lookup")
filter_loader = _Loader("filter")
test_loader = _Loader("test")
