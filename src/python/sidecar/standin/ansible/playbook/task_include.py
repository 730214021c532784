"""Tasks that include others."""

from rplay_sidecar.play import TaskInclude  # noqa: F401
