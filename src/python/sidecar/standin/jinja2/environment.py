"""Templates of plugins' own, rendered by rplay."""

from rplay_sidecar import wire as _wire
from rplay_sidecar.context import Environment as _Environment
from rplay_sidecar.context import Template as _Template


class Environment(_Environment):
    """An environment without variables."""

    def __init__(self, **options):
        super().__init__(_wire.CURRENT, None)

    def from_string(self, source, globals=None, template_class=None):
        return _Template(_wire.CURRENT, None, source, globals or {})


class Template(_Template):
    """A template without variables."""

    def __init__(self, source, **options):
        super().__init__(_wire.CURRENT, None, source, {})
