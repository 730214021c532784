"""Any of the POSIX shells."""

from ansible.plugins.shell import ShellBase


class ShellModule(ShellBase):
    """A POSIX shell."""
