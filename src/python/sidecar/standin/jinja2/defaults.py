"""The default filters."""

from jinja2.filters import FILTERS as DEFAULT_FILTERS  # noqa: F401
