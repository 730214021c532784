"""Handlers."""

from rplay_sidecar.play import Handler  # noqa: F401
