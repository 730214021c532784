"""Settings by Ansible's names, asked of rplay when they are read."""

import os

from rplay_sidecar import wire as _wire

BOOL_TRUE = BOOLEANS_TRUE = frozenset(("y", "yes", "on", "1", "true", "t", 1, 1.0, True))
LOCALHOST = ("127.0.0.1", "localhost", "::1")
DEFAULT_LOCAL_TMP = os.environ.get("TMPDIR", "/tmp")
YAML_FILENAME_EXTENSIONS = [".yml", ".yaml", ".json"]


def __getattr__(name):
    if name.startswith("_") or not name.isupper():
        raise AttributeError(name)
    found = _wire.CURRENT.ask("setting", name=name)
    if not found:
        raise AttributeError("rplay has no setting {}".format(name))
    return found[0]
