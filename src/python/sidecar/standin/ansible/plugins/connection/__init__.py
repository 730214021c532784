"""The base of connections."""

import functools
import os

from ansible.errors import AnsibleConnectionFailure  # noqa: F401
from ansible.plugins import AnsiblePlugin
from ansible.utils.display import Display

display = Display()

BUFSIZE = 65536

__all__ = ["ConnectionBase", "NetworkConnectionBase", "ensure_connect", "BUFSIZE"]


def ensure_connect(func):
    """Connects before a method runs."""

    @functools.wraps(func)
    def wrapped(self, *args, **kwargs):
        if not self._connected:
            self._connect()
        return func(self, *args, **kwargs)

    return wrapped


class ConnectionBase(AnsiblePlugin):
    """A way to a host: commands and files."""

    has_pipelining = False
    has_native_async = False
    always_pipeline_modules = False
    has_tty = True
    module_implementation_preferences = ("",)
    allow_executable = True
    supports_persistence = False
    force_persistence = False
    default_user = None
    allow_extras = True
    transport = None
    _remote_is_local = False

    def __init__(self, play_context, *args, shell=None, **kwargs):
        super().__init__()
        from ansible.plugins.shell.sh import ShellModule

        self._play_context = play_context
        self._new_stdin = args[0] if args else kwargs.get("new_stdin")
        self._display = display
        self._socket_path = None
        self._connected = False
        self.success_key = None
        self.prompt = None
        self.cwd = None
        self.become = None
        self._shell = shell or ShellModule()

    def set_become_plugin(self, plugin):
        self.become = plugin

    @property
    def connected(self):
        return self._connected

    @property
    def socket_path(self):
        return self._socket_path

    def _connect(self):
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        return None

    def put_file(self, in_path, out_path):
        return None

    def fetch_file(self, in_path, out_path):
        return None

    def close(self):
        self._connected = False

    def reset(self):
        display.warning("Reset is not implemented for this connection")

    def connection_lock(self):
        pass

    def connection_unlock(self):
        pass

    def update_vars(self, variables):
        pass

    def is_pipelining_enabled(self, wrap_async=False):
        return self.has_pipelining and not wrap_async

    def check_become_success(self, b_output):
        return self.become is not None and self.become.check_success(b_output)

    def check_password_prompt(self, b_output):
        return self.become is not None and self.become.check_password_prompt(b_output)

    def check_incorrect_password(self, b_output):
        return self.become is not None and self.become.check_incorrect_password(b_output)

    def check_missing_password(self, b_output):
        return self.become is not None and self.become.check_missing_password(b_output)

    def _split_ssh_args(self, argstring):
        import shlex

        return shlex.split(argstring)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class NetworkConnectionBase(ConnectionBase):
    """A way to a device on which nothing runs: commands and files are this machine's."""

    force_persistence = True
    _remote_is_local = True

    def __init__(self, play_context, *args, **kwargs):
        super().__init__(play_context, *args, **kwargs)
        from ansible.plugins.connection.local import Connection as Local

        self._messages = []
        self._conn_closed = False
        self._network_os = getattr(play_context, "network_os", None)
        self._local = Local(play_context, os.devnull)
        self._ssh_type_conn = None
        self._sub_plugin = {}
        self._cached_variables = (None, None, None)

    def queue_message(self, level, message):
        self._messages.append((level, message))

    def pop_messages(self):
        messages, self._messages = self._messages, []
        return messages

    def exec_command(self, cmd, in_data=None, sudoable=True):
        return self._local.exec_command(cmd, in_data, sudoable)

    def put_file(self, in_path, out_path):
        return self._local.put_file(in_path, out_path)

    def fetch_file(self, in_path, out_path):
        return self._local.fetch_file(in_path, out_path)

    def reset(self):
        if self._connected:
            self.close()

    def close(self):
        self._conn_closed = True
        self._connected = False
