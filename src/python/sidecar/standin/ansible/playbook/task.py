"""Tasks."""

from rplay_sidecar.play import Task  # noqa: F401
