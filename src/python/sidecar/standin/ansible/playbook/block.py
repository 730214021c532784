"""Blocks."""

from rplay_sidecar.play import Block  # noqa: F401
