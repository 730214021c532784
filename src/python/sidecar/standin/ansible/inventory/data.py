"""The inventory that plugins fill."""

from rplay_sidecar.inventories import InventoryData  # noqa: F401
