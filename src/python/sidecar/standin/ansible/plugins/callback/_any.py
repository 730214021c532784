"""Any of the outputs that rplay has itself."""

from ansible.plugins.callback import native as _native

CallbackModule = _native(__name__.rpartition(".")[2])
