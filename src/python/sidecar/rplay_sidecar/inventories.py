"""Inventory plugins: what they do to the inventory is written down, and done by rplay to its own."""

import os
import re

from rplay_sidecar import lookups, results, wire

# Variables of the command line, for plugins that ask for them.
EXTRA = {}


def safe_name(name, replacer="_", force=False):
    """A group's name without what names of variables cannot have, where the settings or the caller want it so."""
    wanted = force or wire.CURRENT.ask("setting", name="TRANSFORM_INVALID_GROUP_CHARS")[0] in ("always", "silently")
    return re.sub(r"^[\d\W]|[^\w]", replacer, name) if wanted and name else name


class Recorded:
    """What hosts and groups have in common: their changes are written down."""

    record = None

    def set_variable(self, key, value):
        self.record(["var", self.name, key, value])
        self.keep_variable(key, value)

    def keep_variable(self, key, value):
        self.vars[key] = value


class Group(Recorded):
    """A group of hosts."""

    base_type = "group"

    def __init__(self, name=None, record=None):
        self.name = name
        self.record = record or (lambda change: None)
        self.vars, self.hosts, self.child_groups, self.parent_groups = {}, [], [], []
        self.priority = 1

    def get_name(self):
        return self.name

    def get_vars(self):
        return dict(self.vars)

    @property
    def depth(self):
        return 1 + max([parent.depth for parent in self.parent_groups], default=-1)

    def _walk(self, attribute):
        seen, todo = [], list(getattr(self, attribute))
        while todo:
            group = todo.pop(0)
            if group not in seen:
                seen.append(group)
                todo.extend(getattr(group, attribute))
        return seen

    def get_ancestors(self):
        return set(self._walk("parent_groups"))

    def get_descendants(self, include_self=False, preserve_ordering=False):
        found = ([self] if include_self else []) + self._walk("child_groups")
        return found if preserve_ordering else set(found)

    def get_hosts(self):
        found = {}
        for group in [self] + self._walk("child_groups"):
            found.update((host.name, host) for host in group.hosts)
        return list(found.values())

    @property
    def host_names(self):
        return {host.name for host in self.hosts}

    def add_host(self, host):
        self.record(["host", host.name, self.name, None])
        return self.keep_host(host)

    def keep_host(self, host):
        if host.name in self.host_names:
            return False
        self.hosts.append(host)
        host.groups.append(self)
        return True

    def add_child_group(self, group):
        self.record(["child", self.name, group.name])
        return self.keep_child(group)

    def keep_child(self, group):
        if group in self.child_groups:
            return False
        self.child_groups.append(group)
        group.parent_groups.append(self)
        return True

    def set_priority(self, priority):
        self.set_variable("ansible_group_priority", priority)

    def __repr__(self):
        return self.name

    __str__ = __repr__


class Host(Recorded, results.Host):
    """A host of the inventory."""

    base_type = "host"

    def __init__(self, name=None, port=None, gen_uuid=True, record=None):
        super().__init__(name)
        self.record = record or (lambda change: None)
        if port:
            self.vars["ansible_port"] = int(port)

    def get_groups(self):
        found = []
        for group in self.groups:
            found.extend(one for one in group._walk("parent_groups")[::-1] + [group] if one not in found)
        return found

    def add_group(self, group):
        return group.add_host(self)

    def get_magic_vars(self):
        names = sorted(group.name for group in self.get_groups() if group.name != "all")
        return {"inventory_hostname": self.name, "inventory_hostname_short": self.name.split(".")[0], "group_names": names}

    def get_vars(self):
        return dict(self.vars, **self.get_magic_vars())


class InventoryData:
    """The inventory so far. What sources before this one gave is fetched when it is looked at."""

    def __init__(self, fetch=None):
        self.changes = []
        self._hosts, self._groups = {}, {}
        self._fetch = fetch
        self.localhost = self.current_source = None
        self.processed_sources = []
        for name in ("all", "ungrouped"):
            self._groups[name] = self._new_group(name)
        self._groups["all"].keep_child(self._groups["ungrouped"])

    def _record(self, change):
        self.changes.append(change)

    def _new_group(self, name):
        return Group(name, self._record)

    def _before(self):
        """Fills in what is there already, once."""
        if self._fetch is None:
            return
        found, self._fetch = self._fetch(), None
        for name, fields in found["groups"].items():
            group = self._groups.setdefault(name, self._new_group(name))
            group.vars.update(fields["vars"])
            group.priority = fields["priority"]
        for name, fields in found["groups"].items():
            for child in fields["children"]:
                self._groups[name].keep_child(self._groups[child])
        for name, fields in found["hosts"].items():
            host = self._hosts.setdefault(name, Host(name, record=self._record))
            host.vars.update(fields["vars"])
            for group in fields["groups"]:
                self._groups[group].keep_host(host)

    @property
    def hosts(self):
        self._before()
        return self._hosts

    @property
    def groups(self):
        self._before()
        return self._groups

    def get_host(self, hostname):
        return self.hosts.get(hostname)

    def get_groups_dict(self):
        return {name: [host.name for host in group.get_hosts()] for name, group in self.groups.items()}

    def add_group(self, group):
        if not group or not isinstance(group, str):
            from ansible.errors import AnsibleError

            raise AnsibleError("Invalid group name supplied, expected a string but got {} for {}".format(type(group), group))
        name = safe_name(group)
        if name not in self.groups:
            self._record(["group", name])
            self._groups[name] = self._new_group(name)
            # As ansible-core: groups without parents are put beneath `all` at the end.
        return name

    def add_host(self, host, group=None, port=None):
        from ansible.errors import AnsibleError

        if not host or not isinstance(host, str):
            raise AnsibleError("Invalid host name supplied, expected a string but got {} for {}".format(type(host), host))
        if group is not None and group not in self.groups:
            raise AnsibleError("Could not find group {} in inventory".format(group))
        if host not in self.hosts:
            self._hosts[host] = Host(host, port, record=self._record)
        self._record(["host", host, group, None if port is None else int(port)])
        if group is not None:
            self._groups[group].keep_host(self._hosts[host])
        return host

    def set_variable(self, entity, varname, value):
        if entity in self.groups:
            found = self._groups[entity]
        elif entity in self.hosts:
            found = self._hosts[entity]
        else:
            from ansible.errors import AnsibleError

            raise AnsibleError("Could not identify group or host named {}".format(entity))
        found.set_variable(varname, value)

    def add_child(self, group, child):
        from ansible.errors import AnsibleError

        if group not in self.groups:
            raise AnsibleError("{} is not a known group".format(group))
        if child in self.groups:
            self._record(["child", group, child])
            return self._groups[group].keep_child(self._groups[child])
        if child in self.hosts:
            self._record(["host", child, group, None])
            return self._groups[group].keep_host(self._hosts[child])
        raise AnsibleError("{} is not a known host nor group".format(child))

    def reconcile_inventory(self):
        """rplay does that."""

    def remove_host(self, host):
        from ansible.errors import AnsibleError

        raise AnsibleError("rplay cannot take hosts out of an inventory again")

    def remove_group(self, group):
        from ansible.errors import AnsibleError

        raise AnsibleError("rplay cannot take groups out of an inventory again")


class Loader(lookups.Files):
    """Reads files of the controller; text of configurations may be templates."""


class Office:
    """Answers what the engine asks of inventory plugins and of those that give variables."""

    def __init__(self, worker):
        self.worker = worker
        self.variables = {}

    def plugin(self, message):
        found = message["plugin"]
        module = self.worker.plugins.module("inventory", found["file"], found["collection"])
        cls = getattr(module, "InventoryModule", None)
        if cls is None:
            raise ImportError("there is no class InventoryModule in it")
        return new(self.worker.wire, cls, found, "inventory", message.get("asked"))

    def do_verify(self, message):
        """Whether the plugin wants the source."""
        try:
            wants = bool(self.plugin(message).verify_file(message["source"]))
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            wants = False
        return {"op": "done", "value": wants}

    def do_inventory(self, message):
        """Lets the plugin read the source; the answer is what it did."""
        EXTRA.clear()
        EXTRA.update(message.get("extra") or {})
        plugin = self.plugin(message)
        source = message["source"]
        ask = self.worker.wire.ask
        inventory = InventoryData(None if message["empty"] else lambda: ask("inventory"))
        inventory.current_source = source
        loader = Loader(self.worker.wire, message.get("basedir") or os.getcwd())
        plugin.parse(inventory, loader, source, cache=message["cache"])
        if hasattr(plugin, "update_cache_if_changed"):
            try:
                plugin.update_cache_if_changed()
            except AttributeError:
                # It has no cache after all.
                pass
        encode = self.worker.wire.codec.encode
        return {"op": "done", "value": [[encode(part) for part in change] for change in inventory.changes]}

    def do_vars(self, message):
        """The variables that a plugin has for hosts or groups."""
        found = message["plugin"]
        key = found["file"]
        if key not in self.variables:
            module = self.worker.plugins.module("vars", found["file"], found["collection"])
            self.variables[key] = new(self.worker.wire, module.VarsModule, found, "vars", message.get("asked"))
        plugin = self.variables[key]
        loader = Loader(self.worker.wire, message["path"])
        kind = Group if message["group"] else Host
        entities = [kind(name) for name in message["names"]]
        encode = self.worker.wire.codec.encode
        if hasattr(plugin, "get_vars"):
            told = [plugin.get_vars(loader, message["path"], [entity]) for entity in entities]
        else:
            method = getattr(plugin, "get_group_vars" if message["group"] else "get_host_vars")
            told = [method(entity.name) for entity in entities]
        return {"op": "done", "value": [encode(one or {}) for one in told]}


def new(wire_, cls, found, kind, asked=None, **options):
    """Makes a plugin as Ansible's loader does: its options are known before it is initialised."""
    made = cls.__new__(cls)
    name = found["name"]
    made._load_name = name
    made._original_path = found["file"]
    short = name.rpartition(".")[2]
    names = [asked, name] + ([] if found["collection"] else [short, "ansible.legacy." + short])
    made._redirected_names = list(dict.fromkeys(one for one in names if one))
    try:
        made.ansible_name = name if found["collection"] else "ansible.legacy." + name
    except AttributeError:
        pass
    message = {"config": wire_.config, "name": name, "file": found["file"]}
    lookups.describe_options(wire_, made, message, kind)
    made.__init__(**options)
    return made
