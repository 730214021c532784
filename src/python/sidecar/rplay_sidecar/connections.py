"""Connections: rplay's own as actions see them, and those that are plugins themselves."""

import inspect
import os

from rplay_sidecar import lookups, play, wire
from rplay_sidecar.context import Variables


def native_class():
    from ansible.plugins.connection import ConnectionBase

    class Connection(ConnectionBase):
        """A connection that rplay's engine holds: what is asked of it is done there."""

        has_pipelining = True
        rplay_native = True
        module_implementation_preferences = (".py", "")

        def __init__(self, play_context, fields, secret):
            super().__init__(play_context)
            self.transport = fields["transport"]
            self._load_name = self.ansible_name = fields["transport"]
            self._connected = True
            self.default_user = fields.get("remote_user")
            self.host = fields.get("remote_addr")
            self._known = {
                "remote_addr": fields.get("remote_addr"),
                "host": fields.get("remote_addr"),
                "remote_user": fields.get("remote_user"),
                "port": fields.get("port"),
                "password": lambda: secret("password"),
                "pipelining": True,
                "private_key_file": fields.get("private_key_file"),
                "timeout": play_context.timeout,
                "executable": "/bin/sh",
            }

        def get_option(self, option, hostvars=None):
            if option in self._options:
                return self._options[option]
            value = self._known[option]
            return value() if callable(value) else value

        def has_option(self, option):
            return option in self._known or option in self._options

        def set_options(self, task_keys=None, var_options=None, direct=None):
            self._options.update(direct or {})

        def exec_command(self, cmd, in_data=None, sudoable=True):
            data = in_data.encode() if isinstance(in_data, str) else in_data
            line = cmd if isinstance(cmd, (str, bytes)) else " ".join(cmd)
            line = line.decode("utf-8", "surrogateescape") if isinstance(line, bytes) else line
            found = self._ask("command", cmd=line, stdin=data, sudoable=bool(sudoable))
            return found["rc"], found["stdout"].encode("utf-8", "replace"), found["stderr"].encode("utf-8", "replace")

        def put_file(self, in_path, out_path):
            self._ask("put", local=_path(in_path), remote=_path(out_path), sudoable=False)

        def rplay_put(self, in_path, out_path):
            self._ask("put", local=_path(in_path), remote=_path(out_path), sudoable=True)

        def fetch_file(self, in_path, out_path):
            self._ask("fetch", remote=_path(in_path), local=_path(out_path), sudoable=False)

        def reset(self):
            self._ask("reset")

        def close(self):
            pass

        def _ask(self, op, **fields):
            return wire.CURRENT.ask(op, **{name: wire.CURRENT.codec.encode(value) for name, value in fields.items()})

    return Connection


def _path(path):
    return path.decode("utf-8", "surrogateescape") if isinstance(path, bytes) else os.path.expanduser(str(path))


def secrets(wire_):
    """Fetches a password when a plugin asks for it."""

    def fetch(name):
        return wire_.ask("secret", name=name)

    return fetch


def become_plugin(fields, secret):
    """The become plugin of a task, or None."""
    if not fields.get("become"):
        return None
    from ansible.plugins.become import _Known

    return _Known(
        fields.get("become_method") or "sudo",
        {
            "become_user": fields.get("become_user") or "root",
            "become_exe": fields.get("become_exe"),
            "become_flags": fields.get("become_flags"),
            "become_pass": lambda: secret("become_pass"),
            "prompt_l10n": [],
        },
    )


def make(worker, fields, context, scope):
    """The connection of a task: a plugin's, where it names one."""
    secret = secrets(worker.wire)
    plugin = fields.get("plugin")
    if plugin is None:
        connection = native_class()(context, fields, secret)
    else:
        connection = make_plugin(worker, plugin, fields, context, scope, secret)
    connection.set_become_plugin(become_plugin(fields, secret))
    return connection


def make_plugin(worker, plugin, fields, context, scope, secret):
    module = worker.plugins.module("connection", plugin["file"], plugin["collection"])
    cls = getattr(module, "Connection", None)
    if cls is None:
        raise ImportError("there is no class Connection in it")
    stdin = open(os.devnull)
    try:
        takes_stdin = "new_stdin" in inspect.signature(cls.__init__).parameters
    except (TypeError, ValueError):
        takes_stdin = False
    connection = cls(context, stdin) if takes_stdin else cls(context)
    connection._load_name = connection.ansible_name = plugin["name"]
    connection._original_path = plugin["file"]
    connection._redirected_names = [plugin["name"], plugin["name"].rpartition(".")[2]]
    lookups.describe_options(worker.wire, connection, {"config": worker.order.get("config"), "name": plugin["name"],
                                                       "file": plugin["file"]}, "connection")
    configure(worker, connection, fields, context, scope, secret)
    return connection


class Reached(Variables):
    """The variables of a host, and those that say how it is reached, as the task's keywords have it."""

    def __init__(self, wire_, scope, fields):
        super().__init__(wire_, scope)
        known = {
            "ansible_host": fields.get("remote_addr"), "ansible_user": fields.get("remote_user"),
            "ansible_port": fields.get("port"), "ansible_connection": fields.get("connection"),
            "ansible_become": fields.get("become"), "ansible_become_user": fields.get("become_user"),
            "ansible_become_method": fields.get("become_method"), "ansible_private_key_file": fields.get("private_key_file"),
        }
        self._reached = {name: value for name, value in known.items() if value is not None}

    def _find(self, key):
        return self._reached[key] if key in self._reached else super()._find(key)

    def __contains__(self, key):
        return key in self._reached or super().__contains__(key)


def configure(worker, connection, fields, context, scope, secret):
    """Sets a plugin's options from the variables and keywords of the task."""
    connection._play_context = context
    specs = getattr(connection, "_rplay_specs", {})
    keys = {name: fields.get(name) for name in ("remote_user", "port", "timeout", "connection", "private_key_file")}
    variables = Reached(worker.wire, scope, fields)
    connection.set_options(task_keys=keys, var_options=variables, direct={})
    if "password" in fields.get("given", ()):
        # What was typed for `-k` is the option `password`, or the one with that alias.
        for name, spec in specs.items():
            if (name == "password" or "password" in (spec.get("aliases") or [])) and connection._options.get(name) is None:
                connection.set_option(name, secret("password"))
    if connection._options.get("remote_addr") is None and "remote_addr" in specs:
        connection.set_option("remote_addr", context.remote_addr)


class Office:
    """Answers what the engine asks of a connection that is a plugin."""

    def __init__(self, worker):
        self.worker = worker

    def connection(self, message):
        """The connection of a request; one that is open is used again for the next item of a loop."""
        fields = message["connection"]
        kept = getattr(self.worker, "connection", None)
        secret = secrets(self.worker.wire)
        context = play.PlayContext(fields, secret)
        if kept is not None and kept.connected and kept._load_name == fields["plugin"]["name"]:
            configure(self.worker, kept, fields, context, message["connection_scope"], secret)
            kept.set_become_plugin(become_plugin(fields, secret))
            return kept
        self.worker.connection = make(self.worker, fields, context, message["connection_scope"])
        return self.worker.connection

    def do_exec(self, message):
        """A command line on the host, as the task's user where there is one."""
        connection = self.connection(message)
        connection._connect()
        cmd = message["cmd"]
        if message.get("sudoable", True) and connection.become:
            cmd = connection.become.build_become_command(cmd, connection._shell)
        if message.get("shell"):
            import shlex

            cmd = "/bin/sh -c " + shlex.quote(cmd)
        rc, out, err = connection.exec_command(cmd, in_data=message.get("stdin"), sudoable=message.get("sudoable", True))
        out, err = _bytes(out), _bytes(err)
        if connection.become and out.lstrip().startswith(b"BECOME-SUCCESS-"):
            out = out.lstrip().partition(b"\n")[2]
        encode = self.worker.wire.codec.encode
        return {"op": "done", "value": {"rc": rc or 0, "stdout": encode(out), "stderr": encode(err)}}

    def do_put(self, message):
        connection = self.connection(message)
        connection._connect()
        connection.put_file(message["local"], message["remote"])
        return {"op": "done", "value": None}

    def do_fetch(self, message):
        connection = self.connection(message)
        connection._connect()
        connection.fetch_file(message["remote"], message["local"])
        return {"op": "done", "value": None}


def _bytes(value):
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return b"" if value is None else b"".join(value.readlines())


