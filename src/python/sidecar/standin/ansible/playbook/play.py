"""Plays."""

from rplay_sidecar.results import Play  # noqa: F401
