"""Files that were included."""

from rplay_sidecar.results import Included as IncludedFile  # noqa: F401
