"""How a host is reached."""

from rplay_sidecar.play import PlayContext  # noqa: F401
