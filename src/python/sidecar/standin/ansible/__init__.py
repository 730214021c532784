"""Stands in for ansible-core where that is not installed: what plugins commonly import from it, written anew.

Nothing here is Ansible's code. What a plugin asks of `ansible.plugins.filter.core` and such is done by rplay itself.
"""

__version__ = "2.19.14"
