"""Hosts, plays, results and counts as callbacks see them."""

import os
import uuid

# Plays and tasks of one run have identifiers that begin alike, as ansible-core's.
_RUN = str(uuid.uuid4())[:23]


def identifier(number):
    """What a play or task of this number is known by: some callbacks want a UUID."""
    return "{}-{:012x}".format(_RUN, int(number))


class Loader:
    """What reads the playbook's files, for callbacks that ask which there are."""

    def __init__(self, file=None):
        path = os.path.abspath(file) if file else None
        self._FILE_CACHE = {path: None} if path else {}
        self._basedir = os.path.dirname(path) if path else os.getcwd()

    def get_basedir(self):
        return self._basedir


class Host:
    """A host by its name."""

    def __init__(self, name):
        self.name = name
        self.address = name
        self.vars = {}
        self.groups = []
        self.implicit = False
        self._uuid = name

    def get_name(self):
        return self.name

    def get_groups(self):
        return list(self.groups)

    def get_vars(self):
        return dict(self.vars, inventory_hostname=self.name, inventory_hostname_short=self.name.split(".")[0])

    get_magic_vars = get_vars

    def __str__(self):
        return self.name

    __repr__ = __str__

    def __eq__(self, other):
        return getattr(other, "name", None) == self.name

    def __hash__(self):
        return hash(self.name)


class VariableManager:
    """The variables that are known where events are shown: few."""

    def __init__(self, extra):
        self.extra_vars = self._extra_vars = extra

    def get_vars(self, play=None, host=None, task=None, **_):
        found = dict(self.extra_vars, hostvars={})
        if play is not None:
            found.update(play.get_vars(), play_hosts=list(getattr(play, "hosts", [])))
        if host is not None:
            found.update(host.get_vars())
        found.update(self.extra_vars)
        # As ansible-core: all of them once more.
        found["vars"] = dict(found)
        return found


class Playbook:
    """The playbook that runs."""

    def __init__(self, file):
        self._file_name = file
        self._basedir = os.path.dirname(os.path.abspath(file)) if file else os.getcwd()
        self._entries = []
        self._loader = Loader(file)

    def get_loader(self):
        return self._loader

    def get_plays(self):
        return list(self._entries)


class Play:
    """A play, or a batch of it."""

    def __init__(self, found, manager, loader=None):
        self.name = found["name"]
        self.hosts = found["pattern"].split(",") if found["pattern"] else []
        self._uuid = identifier(found["id"])
        self.strategy = found["strategy"]
        self.check_mode = found["check"]
        self._path = found.get("place")
        self._variable_manager = manager
        self._removed_hosts = []
        self._loader = loader or Loader()
        self.roles, self.tags, self.vars, self.handlers, self.tasks = [], [], {}, [], []
        self.serial, self.max_fail_percentage, self.gather_facts = [], None, None
        self.any_errors_fatal = self.become = None
        self.become_user = self.remote_user = self.connection = None

    def get_name(self):
        return self.name

    def get_path(self):
        return self._path or ""

    def get_variable_manager(self):
        return self._variable_manager

    def get_vars(self):
        return dict(self.vars)

    def get_roles(self):
        return []

    def get_tasks(self):
        return []

    def get_loader(self):
        return self._loader

    def serialize(self):
        return {"name": self.name, "hosts": self.hosts, "uuid": self._uuid, "strategy": self.strategy}

    def __repr__(self):
        return self.name


class Included:
    """A file of tasks, or a role, that was included for some hosts."""

    def __init__(self, file, hosts, task, label):
        self._filename = file
        self._hosts = hosts
        self._task = task
        self._args = {}
        self._vars = {} if label is None else {"item": label}
        self._is_role = not file.startswith("/")
        self._results = []

    def __repr__(self):
        return "{} ({}): {}".format(self._filename, self._args, self._hosts)


class CallbackTaskResult:
    """The result of a task, or of an item of its loop, on a host."""

    def __init__(self, host, task, return_data, task_fields):
        self._host, self._task, self._task_fields = host, task, task_fields
        self._return_data = self._result = return_data
        self._ended = {}

    host = property(lambda self: self._host)
    task = property(lambda self: self._task)
    result = property(lambda self: self._result)
    task_fields = property(lambda self: self._task_fields)
    exception = property(lambda self: self._result.get("exception"))
    warnings = property(lambda self: self._result.get("warnings") or [])
    deprecations = property(lambda self: self._result.get("deprecations") or [])

    @property
    def task_name(self):
        return str(self._task_fields.get("name") or "") or self._task.get_name()

    def _check_key(self, key):
        if key in self._result:
            return bool(self._result[key])
        results = self._result.get("results")
        return any(isinstance(one, dict) and one.get(key) for one in results) if isinstance(results, list) else False

    def is_changed(self):
        return self._check_key("changed")

    def is_skipped(self):
        return self._ended.get("skipped", False)

    def is_failed(self):
        return self._ended.get("failed", False)

    def is_unreachable(self):
        return self._ended.get("unreachable", False)

    def needs_debugger(self, globally_enabled=False):
        return False

    def clean_copy(self):
        return self


class Stats:
    """The counts at the end."""

    def __init__(self, hosts, custom):
        self.processed = {name: 1 for name in hosts}
        for own, theirs in (("ok", "ok"), ("changed", "changed"), ("failures", "failed"), ("dark", "unreachable"),
                            ("skipped", "skipped"), ("rescued", "rescued"), ("ignored", "ignored")):
            setattr(self, own, {name: counts[theirs] for name, counts in hosts.items() if counts[theirs]})
        self.custom = custom

    def summarize(self, host):
        names = ("ok", "failures", "changed", "skipped", "rescued", "ignored")
        return dict({name: getattr(self, name).get(host, 0) for name in names}, unreachable=self.dark.get(host, 0))

    def increment(self, what, host):
        getattr(self, what)[host] = getattr(self, what).get(host, 0) + 1

    def set_custom_stats(self, which, what, host=None):
        self.custom.setdefault(host or "_run", {})[which] = what

    update_custom_stats = set_custom_stats
