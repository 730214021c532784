"""Templates cannot reach Python here: every environment is a sandbox."""

from jinja2.environment import Environment


class SandboxedEnvironment(Environment):
    """An environment."""


class ImmutableSandboxedEnvironment(Environment):
    """An environment."""
