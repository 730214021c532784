"""What an action or a callback sees of its task, its role and how its host is reached."""

import copy


class Role:
    """The role a task was written in."""

    def __init__(self, found):
        self._role_name = found["name"]
        self._role_path = found["path"]
        self._role_collection = found.get("collection")
        self._role_vars = self._default_vars = self._role_params = {}

    def get_name(self, include_role_fqcn=True):
        if include_role_fqcn and self._role_collection:
            return "{}.{}".format(self._role_collection, self._role_name)
        return self._role_name

    def get_role_path(self):
        return self._role_path

    def __str__(self):
        return self.get_name()

    __repr__ = __str__


class Task:
    """A task after templating."""

    _FIELDS = {
        "any_errors_fatal": False, "async_val": 0, "become": None, "become_exe": None, "become_flags": None,
        "become_method": None, "become_user": None, "changed_when": (), "check_mode": False, "collections": (),
        "connection": None, "debugger": None, "delay": 5, "delegate_facts": None, "delegate_to": None, "diff": False,
        "environment": (), "failed_when": (), "ignore_errors": None, "ignore_unreachable": None, "loop": None,
        "loop_control": None, "loop_with": None, "module_defaults": (), "name": "", "no_log": None, "notify": None,
        "poll": 15, "port": None, "register": None, "remote_user": None, "retries": None, "run_once": None, "tags": (),
        "throttle": 0, "timeout": 0, "until": (), "vars": {}, "when": (), "implicit": False, "resolved_action": None,
    }

    def __init__(self, fields):
        for name, default in self._FIELDS.items():
            value = fields.get(name)
            if value is None:
                value = list(default) if isinstance(default, tuple) else default.copy() if isinstance(default, dict) else default
            setattr(self, name, value)
        self.action = fields.get("action", "")
        self.args = fields.get("args") or {}
        self._uuid = fields.get("uuid") or "rplay-{}".format(id(self))
        self._role = Role(fields["role"]) if fields.get("role") else None
        self._path = fields.get("path")
        self._search_path = fields.get("search_path") or []
        self._variables = None
        self._parent = Block(self)
        self._loader = self._variable_manager = self._play = None
        self._squashed = self._finalized = True

    def copy(self, exclude_parent=False, exclude_tasks=False):
        other = copy.copy(self)
        other.args = dict(self.args)
        other.environment = list(self.environment) if isinstance(self.environment, list) else self.environment
        return other

    def get_name(self, include_role_fqcn=True):
        shown = self.name or self.action
        if self._role and "{} : ".format(self._role.get_name(include_role_fqcn)) not in shown:
            return "{} : {}".format(self._role.get_name(include_role_fqcn), shown)
        return shown

    def get_path(self):
        return self._path or ""

    def get_search_path(self):
        return list(self._search_path)

    def get_first_parent_include(self):
        return None

    def get_include_params(self):
        return {}

    def get_vars(self):
        return dict(self.vars)

    def get_dep_chain(self):
        return None

    def get_variable_manager(self):
        return self._variable_manager

    def get_loader(self):
        return self._loader

    def get_play(self):
        return self._play

    @property
    def play(self):
        return self._play

    def get_ds(self):
        return None

    def dump_attrs(self):
        return {name: getattr(self, name) for name in self._FIELDS} | {"action": self.action, "args": self.args}

    serialize = dump_attrs

    def modes(self):
        """What the engine is told about how to run something in this task's name."""
        return {"check": bool(self.check_mode), "diff": bool(self.diff), "no_log": bool(self.no_log)}

    def __repr__(self):
        return "TASK: {}".format(self.get_name())


class Block:
    """What a task stands in."""

    def __init__(self, task):
        self._task = task
        self._parent = None
        self._play = None
        self.name = None
        self.block = [task]

    def get_first_parent_include(self):
        return None

    def get_name(self):
        return ""

    def get_vars(self):
        return {}


class Handler(Task):
    """A task that waits for being notified."""

    def __init__(self, fields):
        super().__init__(fields)
        self.listen = fields.get("listen") or []


class PlayContext:
    """How the task's host is reached, for plugins that do not ask options. Passwords are fetched when they are read."""

    def __init__(self, fields, secret):
        self._secret = secret
        for name in ("check_mode", "diff", "become"):
            setattr(self, name, bool(fields.get(name)))
        for name in ("remote_addr", "remote_user", "port", "connection", "become_method", "become_user", "become_exe",
                     "become_flags", "network_os", "private_key_file"):
            setattr(self, name, fields.get(name))
        self.timeout = fields.get("timeout", 10)
        self.verbosity = fields.get("verbosity", 0)
        self.executable = fields.get("executable") or "/bin/sh"
        self.shell = None
        self.no_log = None
        self.prompt = self.success_key = ""
        self.become_plugin = None
        self.only_tags, self.skip_tags = set(), set()
        self.start_at_task, self.step, self.force_handlers = None, False, False
        self.connection_user = self.remote_user
        self.docker_extra_args = self.ssh_extra_args = self.ssh_common_args = ""
        self.pipelining = True
        self._own = {}

    @property
    def password(self):
        return self._own["password"] if "password" in self._own else self._secret("password")

    @password.setter
    def password(self, value):
        self._own["password"] = value

    @property
    def become_pass(self):
        return self._own["become_pass"] if "become_pass" in self._own else self._secret("become_pass")

    @become_pass.setter
    def become_pass(self, value):
        self._own["become_pass"] = value

    def copy(self):
        other = copy.copy(self)
        other._own = dict(self._own)
        return other

    def update_vars(self, variables):
        pass

    def set_become_plugin(self, plugin):
        self.become_plugin = plugin

    def set_task_and_variable_override(self, task, variables, templar):
        return self

    def serialize(self):
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class TaskInclude(Task):
    """A task that includes others."""


class IncludeRole(TaskInclude):
    """A task that includes a role."""
