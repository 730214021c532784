"""Plugins in files: importing them, what they provide, and what went wrong in them."""

import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import traceback

from rplay_sidecar import wire

_CLASSES = {"filter": ("FilterModule", "filters"), "test": ("TestModule", "tests")}

# Folders that hold `ansible_collections`, the first that has a collection wins.
_COLLECTIONS = []


class Plugins:
    """The plugins imported so far."""

    def __init__(self):
        self._functions = {}
        self._modules = {}

    def module(self, kind, file, collection):
        key = (kind, file)
        if key not in self._modules:
            self._modules[key] = load(kind, file, collection)
            hear_display()
        return self._modules[key]

    def functions(self, kind, file, collection):
        """The filters or tests of a file, by short name."""
        key = (kind, file)
        if key not in self._functions:
            class_name, method = _CLASSES[kind]
            cls = getattr(self.module(kind, file, collection), class_name, None)
            if cls is None:
                raise ImportError("there is no class {} in it".format(class_name))
            self._functions[key] = dict(getattr(cls(), method)())
        return self._functions[key]

    def function(self, kind, file, collection, name):
        functions = self.functions(kind, file, collection)
        try:
            return functions[name]
        except KeyError:
            raise ImportError("{} no longer provides {!r}".format(file, name)) from None

    def lookup(self, file, collection):
        cls = getattr(self.module("lookup", file, collection), "LookupModule", None)
        if cls is None:
            raise ImportError("there is no class LookupModule in it")
        return cls


def load(kind, file, collection):
    """Imports a plugin's file. Those of a collection have their place among its modules."""
    name = os.path.splitext(os.path.basename(file))[0]
    if collection:
        folders = file.rpartition("/plugins/" + kind + "/")[2].split("/")[:-1]
        return importlib.import_module(".".join(["ansible_collections", collection, "plugins", kind] + folders + [name]))
    full = module_name(kind, name, file)
    spec = importlib.util.spec_from_file_location(full, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(full, None)
        raise
    return module


def module_name(kind, name, file):
    """As ansible-core names them, but where that would hide a module that the plugin itself may import."""
    digest = int(hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:12], 16)
    full = "ansible.plugins.{}.{}".format(kind, name)
    if kind in _CLASSES:
        return "{}_{}".format(full, digest)
    if kind == "lookup" and full not in sys.modules and importlib.util.find_spec(full) is None:
        return full
    return "ansible_plugin_{}_{}_{}".format(kind, digest, name)


def hear_display():
    """Sends the warnings of an installed ansible-core to rplay: it would print them itself."""
    display = getattr(sys.modules.get("ansible.utils.display"), "Display", None)
    if display is None or hasattr(display, "_tell"):
        return

    def tell(level):
        def method(self, msg, *args, **kwargs):
            if wire.CURRENT is not None:
                how = {name: kwargs[name] for name in ("color", "stderr", "newline") if name in kwargs}
                wire.CURRENT.notice(level, msg, **how)

        return method

    display._tell = tell("info")
    display.warning = display.system_warning = tell("warning")
    display.deprecated = tell("deprecated")
    display.error = tell("error")
    display.display = tell("info")
    for count in range(1, 6):
        setattr(display, "v" * count, tell("v" * count))


def add_collections(folders):
    """Makes collections importable as `ansible_collections.namespace.name`."""
    _COLLECTIONS.extend(folder for folder in folders if folder not in _COLLECTIONS)
    if not any(isinstance(finder, CollectionFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, CollectionFinder())
        sys.modules.pop("ansible_collections", None)
    importlib.invalidate_caches()


class CollectionFinder(importlib.abc.MetaPathFinder):
    """Finds `ansible_collections`, namespaces and collections; what is inside of a collection is found as usual."""

    def find_spec(self, fullname, path=None, target=None):
        parts = fullname.split(".")
        if parts[0] != "ansible_collections" or len(parts) > 3:
            return None
        roots = _COLLECTIONS + [entry for entry in sys.path if entry not in _COLLECTIONS]
        places = [os.path.join(root, *parts) for root in roots]
        places = [place for place in places if os.path.isdir(place)]
        if len(parts) == 3:
            places = places[:1]
        if not places and len(parts) > 1:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, Folder() if len(parts) == 3 else None, is_package=True)
        spec.submodule_search_locations = places
        return spec


class Folder(importlib.abc.Loader):
    """Makes the module of a collection's folder; like Ansible's, it has a `__file__` in it, from which plugins go on."""

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__file__ = os.path.join(module.__path__[0], "__synthetic__")


def accepts_undefined(function, lenient):
    """Whether a function is given what is undefined.

    Since ansible-core 2.19 it says so itself. Before, every plugin got it: `lenient` gives it to functions whose file
    knows Jinja's `Undefined`.
    """
    function = getattr(function, "__func__", function)
    if getattr(function, "accept_args_markers", False):
        return True
    known = getattr(function, "__globals__", {})
    return lenient and any(isinstance(value, type) and is_undefined_class(value) for value in list(known.values()))


def is_undefined_class(cls):
    return any(base.__name__ == "Undefined" and base.__module__.startswith("jinja2") for base in cls.__mro__)


def message_of(error):
    """What an exception and those that caused it say, as ansible-core 2.19 shows it; nothing when they say nothing."""
    message = getattr(error, "message", None)
    if not isinstance(message, str):
        message = str(error)
    if isinstance(error, ImportError) and error.args:
        message = str(error.args[0])
    cause = message_of(error.__cause__) if error.__cause__ is not None else ""
    if cause and cause not in message:
        message = "{}: {}".format(message, cause) if message else cause
    return message


def describe(error, file):
    """An exception with its place: the last line of the plugin's own file, or of any file that is not ours."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if file and same_file(frame.filename, file)]
    foreign = [frame for frame in frames if not frame.filename.startswith(("<rplay>", "<frozen", "<string>"))]
    if isinstance(error, SyntaxError) and error.filename:
        place = (error.filename, error.lineno or 1)
    else:
        frame = (own or foreign or [None])[-1]
        place = (frame.filename, frame.lineno) if frame else (file, 0)
    answer = {
        "message": message_of(error),
        "type": type(error).__name__,
        "place": place[0],
        "line": place[1] or 0,
        "trace": "".join(traceback.format_exception(type(error), error, error.__traceback__)),
    }
    if isinstance(error, ImportError) and getattr(error, "name", None):
        answer["missing"] = error.name
    marker = getattr(error, "rplay_marker", None)
    if marker is not None:
        answer["marker"] = marker
    if type(error).__module__.startswith("jinja2") and type(error).__name__ == "UndefinedError":
        answer["undefined"] = True
    return answer


def same_file(one, other):
    return one == other or os.path.realpath(one) == os.path.realpath(other)
