"""What vars plugins are built on."""

from ansible.plugins import AnsiblePlugin
from ansible.utils.display import Display
from ansible.utils.path import basedir as _basedir

display = Display()


class BaseVarsPlugin(AnsiblePlugin):
    """A plugin that has variables for hosts and groups."""

    is_stateless = False

    def __init__(self):
        super().__init__()
        self._display = display

    def get_vars(self, loader, path, entities):
        self._basedir = _basedir(path)
