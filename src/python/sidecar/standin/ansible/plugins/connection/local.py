"""This machine as a host: what plugins that change it a little are made of."""

import getpass
import os
import shutil
import subprocess

from ansible.errors import AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

display = Display()

DOCUMENTATION = """
name: local
short_description: execute on controller
options:
  pipelining:
    default: true
    type: bool
"""


class Connection(ConnectionBase):
    """Commands and files of this machine."""

    transport = "local"
    has_pipelining = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        try:
            self.default_user = getpass.getuser()
        except (KeyError, OSError):
            self.default_user = ""

    def _connect(self):
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        executable = "/bin/sh" if isinstance(cmd, (str, bytes)) else None
        process = subprocess.Popen(
            cmd, shell=executable is not None, executable=executable, cwd=self.cwd,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        data = in_data.encode() if isinstance(in_data, str) else in_data
        become = self.become if sudoable else None
        password = become.get_option("become_pass") if become else None
        if password:
            data = str(password).encode() + b"\n" + (data or b"")
        out, err = process.communicate(data)
        return process.returncode, out, err

    def _near(self, path):
        return os.path.normpath(path if os.path.isabs(path) else os.path.join("/", path))

    def put_file(self, in_path, out_path):
        in_path, out_path = self._near(in_path), self._near(out_path)
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound("file or module does not exist: {}".format(in_path))
        try:
            shutil.copyfile(in_path, out_path)
        except shutil.Error as error:
            raise AnsibleError("failed to copy: {} and {} are the same".format(in_path, out_path)) from error
        except OSError as error:
            raise AnsibleError("failed to transfer file to {}: {}".format(out_path, error)) from error

    def fetch_file(self, in_path, out_path):
        self.put_file(in_path, out_path)

    def reset(self):
        pass
