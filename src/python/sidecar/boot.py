"""The first code that runs in the sidecar: `python3 -c <this file>`.

It keeps the two pipes for itself, so that nothing a plugin prints or reads can disturb them, takes the modules of the
sidecar from the first frame, and hands over to `rplay_sidecar.main`.
"""

import importlib.abc
import importlib.machinery
import json
import os
import struct
import sys


class Embedded(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports modules whose text came over the pipe.

    It stands last in `sys.meta_path`: the stand-ins for `ansible`, `jinja2`, .. are used only where the real package
    is not installed. A real package is not mixed with stand-ins, but for those in `ALWAYS`.
    """

    def __init__(self, modules):
        self.modules = modules

    def file(self, fullname):
        """The name of a module's file among the embedded ones, or None."""
        path = fullname.replace(".", "/")
        candidates = (path + "/__init__.py", path + ".py", path.rpartition("/")[0] + "/_any.py")
        return next((name for name in candidates if name in self.modules), None)

    def find_spec(self, fullname, path=None, target=None):
        name = self.file(fullname)
        if name is None:
            return None
        top = fullname.partition(".")[0]
        if top != fullname and not isinstance(getattr(sys.modules.get(top), "__loader__", None), Embedded):
            return None
        origin = "<rplay>/" + name
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=origin, is_package=self.is_package(fullname))
        spec.has_location = True
        spec.cached = None
        return spec

    def is_package(self, fullname):
        return self.file(fullname).endswith("/__init__.py")

    def get_source(self, fullname):
        return self.modules[self.file(fullname)]

    def get_code(self, fullname):
        return compile(self.get_source(fullname), "<rplay>/" + self.file(fullname), "exec", dont_inherit=True)

    def create_module(self, spec):
        return None


class Always(Embedded):
    """The modules that are rplay's own in workers, whatever is installed: what plugins of these kinds are built on talks
    to rplay's engine. Beside them, and below their packages, an installed ansible-core is itself.
    """

    NAMES = tuple("ansible.plugins." + name for name in ("action", "callback", "connection", "loader", "shell", "become",
                                                        "inventory", "cache", "vars"))
    NAMES += ("ansible.executor", "ansible.playbook", "ansible.inventory.host", "ansible.inventory.group",
              "ansible.inventory.data", "ansible.template", "ansible.utils.vars")

    def find_spec(self, fullname, path=None, target=None):
        ours = fullname == "ansible.plugins" or any((fullname + ".").startswith(name + ".") for name in self.NAMES)
        name = self.file(fullname) if ours else None
        if name is None:
            return None
        spec = importlib.machinery.ModuleSpec(
            fullname, self, origin="<rplay>/" + name, is_package=name.endswith("/__init__.py")
        )
        spec.has_location = True
        spec.cached = None
        if spec.submodule_search_locations is not None:
            folder = fullname.rpartition(".")[2]
            spec.submodule_search_locations = [os.path.join(entry, folder) for entry in path or []]
        return spec


def workers():
    """Starts the process that forks one for each action or connection; its standard input is a socket."""
    import socket

    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if sys.path and sys.path[0] == "":
        del sys.path[0]

    def exactly(size):
        data = b""
        while len(data) < size:
            part = control.recv(size - len(data))
            if not part:
                sys.exit(0)
            data += part
        return data

    (size,) = struct.unpack(">I", exactly(4))
    modules = json.loads(exactly(size).decode("utf-8"))
    sys.meta_path.insert(0, Always(modules))
    sys.meta_path.append(Embedded(modules))
    from rplay_sidecar.workers import main

    main(control)


def start():
    if sys.argv[1:] == ["workers"]:
        return workers()
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # `-c` puts the current folder first; Ansible's own scripts do not.
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    (size,) = struct.unpack(">I", reader.read(4))
    sys.meta_path.append(Embedded(json.loads(reader.read(size).decode("utf-8"))))
    from rplay_sidecar.main import main

    main(reader, writer)


start()
