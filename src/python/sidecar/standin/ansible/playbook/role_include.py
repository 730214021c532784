"""Tasks that include roles."""

from rplay_sidecar.play import IncludeRole  # noqa: F401
