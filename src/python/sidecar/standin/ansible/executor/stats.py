"""The counts at the end of a run."""

from rplay_sidecar.results import Stats as AggregateStats  # noqa: F401
