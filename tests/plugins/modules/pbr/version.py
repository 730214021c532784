"""Only what `kolla_ansible.version` asks for."""


class VersionInfo:
    def __init__(self, package):
        self.package = package

    def version_string(self):
        return "0"
