"""Stands in for Jinja2 where that is not installed: what plugins import from it. Templates are rendered by rplay."""

from jinja2.environment import Environment, Template  # noqa: F401
from jinja2.exceptions import *  # noqa: F401,F403
from jinja2.runtime import ChainableUndefined, StrictUndefined, Undefined  # noqa: F401
from jinja2.utils import pass_context, pass_environment, pass_eval_context  # noqa: F401

__version__ = "3.1.6"
