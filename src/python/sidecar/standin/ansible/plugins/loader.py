"""Plugins by name; rplay runs them."""

from rplay_sidecar import wire as _wire
from rplay_sidecar.context import Environment, run_lookup


class _Lookup:
    """A lookup of rplay's, or another Python one."""

    def __init__(self, name, templar):
        self._name = name
        self._scope = getattr(templar, "_scope", None)

    def run(self, terms, variables=None, **kwargs):
        terms = terms if isinstance(terms, (list, tuple)) else [terms]
        return run_lookup(_wire.CURRENT, self._scope, self._name, terms, dict(kwargs, wantlist=True))


class _Context:
    """How a name was resolved."""

    def __init__(self, name, found, path=None):
        self.original_name = self.resolved_fqcn = name
        self.resolved = found is not None
        self.object = found
        self.plugin_resolved_name = name
        self.plugin_resolved_path = path
        self.plugin_resolved_collection = ".".join(name.split(".")[:2]) if name.count(".") > 1 else ""
        self.plugin_load_context = self
        self.redirect_list = [name]
        self.pending_redirect = self.exit_reason = None


class _Loader:
    def __init__(self, kind):
        self._kind = kind

    def get(self, name, *args, **kwargs):
        if not _wire.CURRENT.ask("plugin", kind=self._kind, name=name):
            return None
        if self._kind == "lookup":
            return _Lookup(name, kwargs.get("templar"))
        functions = Environment(_wire.CURRENT, None)
        return (functions.filters if self._kind == "filter" else functions.tests)[name]

    def get_with_context(self, name, *args, **kwargs):
        return _Context(name, self.get(name, *args, **kwargs))

    def has_plugin(self, name, collection_list=None):
        return bool(_wire.CURRENT.ask("plugin", kind=self._kind, name=name))

    __contains__ = has_plugin

    def add_directory(self, directory, with_subdir=False):
        pass


PluginLoader = Jinja2Loader = _Loader


class _Actions(_Loader):
    """Actions: Python ones of the playbook, its roles and collections, and rplay's own."""

    def get(self, name, *args, task=None, connection=None, play_context=None, loader=None, templar=None,
            shared_loader_obj=None, **kwargs):
        found = _wire.CURRENT.ask("find", kind="action", name=str(name))
        if not found:
            return None
        if found.get("file"):
            cls = _wire.PLUGINS.module("action", found["file"], found["collection"]).ActionModule
        else:
            from ansible.plugins.action import native

            cls = native(found["name"])
        if kwargs.get("class_only"):
            return cls
        made = cls(task=task, connection=connection, play_context=play_context, loader=loader, templar=templar,
                   shared_loader_obj=shared_loader_obj)
        made._load_name = made.ansible_name = str(name)
        return made

    def has_plugin(self, name, collection_list=None):
        return bool(_wire.CURRENT.ask("find", kind="action", name=str(name)))

    __contains__ = has_plugin


class _Modules(_Loader):
    """Modules: where a file of one is, as far as it has one."""

    def find_plugin(self, name, mod_type="", ignore_deprecated=False, check_aliases=False, collection_list=None):
        found = _wire.CURRENT.ask("find", kind="module", name=str(name))
        return (found.get("file") or "<rplay>/" + found["name"]) if found else None

    def find_plugin_with_context(self, name, mod_type="", ignore_deprecated=False, check_aliases=False,
                                 collection_list=None):
        path = self.find_plugin(name)
        return _Context(name, path, path)

    def has_plugin(self, name, collection_list=None):
        return self.find_plugin(name) is not None

    __contains__ = has_plugin


class _Connections(_Loader):
    """Connections, for plugins that make one themselves."""

    def get(self, name, play_context=None, *args, **kwargs):
        import importlib

        found = _wire.CURRENT.ask("find", kind="connection", name=str(name))
        if found and found.get("file"):
            cls = _wire.PLUGINS.module("connection", found["file"], found["collection"]).Connection
        elif name == "local":
            cls = importlib.import_module("ansible.plugins.connection.local").Connection
        else:
            return None
        return cls if kwargs.get("class_only") else cls(play_context, *args)

    def has_plugin(self, name, collection_list=None):
        return name == "local" or bool(_wire.CURRENT.ask("find", kind="connection", name=str(name)))

    __contains__ = has_plugin


class _Classes(_Loader):
    """Plugins of which there is one class here."""

    def __init__(self, kind, package, cls):
        super().__init__(kind)
        self._package, self._class = package, cls

    def get(self, name, *args, **kwargs):
        import importlib

        try:
            cls = getattr(importlib.import_module("{}.{}".format(self._package, name.rpartition(".")[2])), self._class)
        except (ImportError, AttributeError):
            return None
        return cls if kwargs.get("class_only") else cls()

    def has_plugin(self, name, collection_list=None):
        return self.get(name, class_only=True) is not None

    __contains__ = has_plugin


class _Found(_Loader):
    """Plugins in files, made with what they are told of their options; some are rplay's own."""

    def __init__(self, kind, cls, own=()):
        super().__init__(kind)
        self._class, self._own = cls, own

    def _file(self, name):
        short = name[len("ansible.builtin."):] if name.startswith("ansible.builtin.") else name
        if short in self._own:
            return {"name": "ansible.builtin." + short, "file": "<rplay>/" + short, "collection": "ansible.builtin"}
        return _wire.CURRENT.ask("find", kind=self._kind, name=name)

    def get(self, name, *args, **kwargs):
        import importlib

        from rplay_sidecar import inventories

        found = self._file(str(name))
        if not found:
            return None
        if found["file"].startswith("<rplay>/"):
            module = importlib.import_module("ansible.plugins.{}.{}".format(self._kind, found["file"][8:]))
        else:
            module = _wire.PLUGINS.module(self._kind, found["file"], found["collection"])
        cls = getattr(module, self._class)
        if kwargs.pop("class_only", False):
            return cls
        made = inventories.new(_wire.CURRENT, cls, found, self._kind, str(name), **kwargs)
        return self._wrapped(made)

    def _wrapped(self, made):
        return made

    def has_plugin(self, name, collection_list=None):
        return bool(self._file(str(name)))

    __contains__ = has_plugin


class _Caches(_Found):
    def _wrapped(self, made):
        from rplay_sidecar import caches

        return caches.Kept(made) if getattr(made, "_persistent", True) else made


lookup_loader = _Loader("lookup")
filter_loader = _Loader("filter")
test_loader = _Loader("test")
action_loader = _Actions("action")
module_loader = _Modules("module")
connection_loader = _Connections("connection")
shell_loader = _Classes("shell", "ansible.plugins.shell", "ShellModule")
become_loader = _Classes("become", "ansible.plugins.become", "BecomeModule")
callback_loader = _Classes("callback", "ansible.plugins.callback", "CallbackModule")
cache_loader = _Caches("cache", "CacheModule", ("memory", "jsonfile"))
strategy_loader = _Classes("strategy", "ansible.plugins.strategy", "StrategyModule")
vars_loader = _Found("vars", "VarsModule")
inventory_loader = _Found("inventory", "InventoryModule")
fragment_loader = _Classes("doc_fragments", "ansible.plugins.doc_fragments", "ModuleDocFragment")
module_utils_loader = _Loader("module_utils")


def add_all_plugin_dirs(path):
    """rplay adds folders of plugins itself."""


def init_plugin_loader(prefix_collections_path=None):
    """rplay finds collections itself."""


def get_all_plugin_loaders():
    return [(name, loader) for name, loader in globals().items() if isinstance(loader, _Loader)]
