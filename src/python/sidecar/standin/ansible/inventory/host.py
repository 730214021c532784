"""Hosts."""

from rplay_sidecar.inventories import Host  # noqa: F401
