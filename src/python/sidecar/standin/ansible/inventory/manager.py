"""Where some plugins look for the inventory's class."""

from rplay_sidecar.inventories import InventoryData  # noqa: F401
