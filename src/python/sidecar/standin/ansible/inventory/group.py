"""Groups."""

from rplay_sidecar.inventories import Group  # noqa: F401
from rplay_sidecar.inventories import safe_name as _safe_name


def to_safe_group_name(name, replacer="_", force=False, silent=False):
    return _safe_name(name, replacer, force)


class InventoryObjectType:
    """What an entity is."""

    HOST, GROUP = "host", "group"
