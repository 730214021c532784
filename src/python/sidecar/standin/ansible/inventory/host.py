"""Hosts."""

from rplay_sidecar.results import Host  # noqa: F401
