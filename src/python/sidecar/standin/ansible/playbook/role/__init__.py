"""Roles."""

from rplay_sidecar.play import Role  # noqa: F401
