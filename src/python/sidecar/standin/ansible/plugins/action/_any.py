"""Any action of ansible-core's own: rplay runs it."""

from ansible.plugins.action import native as _native

ActionModule = _native(__name__.rpartition(".")[2])
