"""A Python process that waits with Ansible's module base imported, and forks for each module it runs.

The program that started it (the agent, or rplay itself for this machine) writes to its standard input and reads from
its standard output; see `server.rs`. The process itself never runs a line of a module: each run is a fork in a process
group of its own, whose two outputs are passed on here until it has ended. When the input ends, so does this process.

It is written for every Python a target may have, 2.7 too.
"""

import atexit
import errno
import fcntl
import gc
import io
import json
import os
import select
import signal
import struct
import sys
import threading
import time
import traceback
import zipfile

HEADER = struct.Struct(">cII")

# How long a daemon that a module left behind may keep its outputs open, in seconds without a word.
GRACE = 1.0


class Archive(object):
    """Finds and loads Python modules in zip archives that are in memory."""

    def __init__(self, root, files=None, codes=None):
        self.root = root
        self.files = files if files is not None else {}
        self.codes = codes if codes is not None else {}

    def add(self, files):
        self.files.update(files)

    def name(self, fullname):
        path = fullname.replace(".", "/")
        for candidate in (path + "/__init__.py", path + ".py"):
            if candidate in self.files:
                return candidate
        return None

    def file(self, name):
        return self.root + "/" + name

    def find_spec(self, fullname, path=None, target=None):
        name = self.name(fullname)
        if name is None:
            return None
        from importlib.machinery import ModuleSpec

        package = name.endswith("/__init__.py")
        spec = ModuleSpec(fullname, self, origin=self.file(name), is_package=package)
        if package:
            spec.submodule_search_locations = [os.path.dirname(spec.origin)]
        spec.has_location = True
        spec.cached = None
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)

    # Python 2 asks differently.
    def find_module(self, fullname, path=None):
        return self if self.name(fullname) else None

    def load_module(self, fullname):
        if fullname in sys.modules:
            return sys.modules[fullname]
        import imp

        module = sys.modules[fullname] = imp.new_module(fullname)
        module.__file__ = self.get_filename(fullname)
        module.__loader__ = self
        if self.is_package(fullname):
            module.__path__ = [os.path.dirname(module.__file__)]
            module.__package__ = fullname
        else:
            module.__package__ = fullname.rpartition(".")[0]
        try:
            exec(self.get_code(fullname), module.__dict__)
        except BaseException:
            sys.modules.pop(fullname, None)
            raise
        return sys.modules[fullname]

    def is_package(self, fullname):
        name = self.name(fullname)
        if name is None:
            raise ImportError("no module named " + fullname)
        return name.endswith("/__init__.py")

    def get_filename(self, fullname):
        return self.file(self.name(fullname))

    def get_source(self, fullname):
        name = self.name(fullname)
        if name is None:
            return None
        source = self.files[name]
        return source if isinstance(source, str) else source.decode("utf-8")

    def get_code(self, fullname):
        name = self.name(fullname)
        code = self.codes.get(name)
        if code is None:
            code = self.codes[name] = compile(self.files[name], self.file(name), "exec", 0, True)
        return code

    def get_data(self, path):
        if path.startswith(self.root + "/"):
            name = path[len(self.root) + 1 :]
            if name in self.files:
                return self.files[name]
        raise IOError(errno.ENOENT, os.strerror(errno.ENOENT), path)


class Task(object):
    """A module that runs: its process and what it says."""

    def __init__(self, number, pid, pipes):
        self.number = number
        self.pid = pid
        # By descriptor: which stream.
        self.pipes = pipes
        self.status = None
        self.silent_since = None


class Server(object):
    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.packs = {}
        self.tasks = {}
        # Compiled modules by pack: compiled here once, run in the forks.
        self.codes = {}
        self.base = None
        self.wake_reader, self.wake_writer = os.pipe()
        for descriptor in (self.wake_reader, self.wake_writer):
            flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_NONBLOCK)

    # The wire

    def read(self, size):
        parts = []
        while size:
            try:
                part = os.read(self.reader, min(size, 1 << 20))
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise
            if not part:
                return None
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def write(self, kind, number, body=b""):
        data = HEADER.pack(kind, number, len(body)) + body
        while data:
            try:
                data = data[os.write(self.writer, data) :]
            except OSError as error:
                if error.errno != errno.EINTR:
                    raise

    # The loop

    def serve(self):
        signal.set_wakeup_fd(self.wake_writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            watched = [self.reader, self.wake_reader]
            for task in self.tasks.values():
                watched.extend(task.pipes)
            ending = any(task.status is not None for task in self.tasks.values())
            try:
                ready = select.select(watched, [], [], GRACE / 10 if ending else None)[0]
            except (OSError, select.error) as error:
                if error.args[0] == errno.EINTR:
                    continue
                raise
            if self.wake_reader in ready:
                try:
                    os.read(self.wake_reader, 4096)
                except OSError:
                    pass
                self.reap()
            for task in list(self.tasks.values()):
                self.listen(task, ready)
            if self.reader in ready and not self.handle():
                return

    def reap(self):
        for task in self.tasks.values():
            if task.status is None:
                try:
                    pid, status = os.waitpid(task.pid, os.WNOHANG)
                except OSError:
                    pid, status = task.pid, 0
                if pid:
                    task.status = status
                    task.silent_since = time.time()

    def listen(self, task, ready):
        for descriptor, stream in list(task.pipes.items()):
            if descriptor not in ready:
                continue
            try:
                data = os.read(descriptor, 65536)
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                data = b""
            if data:
                task.silent_since = time.time()
                self.write(stream, task.number, data)
            else:
                os.close(descriptor)
                del task.pipes[descriptor]
        if task.status is not None and (not task.pipes or time.time() - task.silent_since >= GRACE):
            for descriptor in task.pipes:
                os.close(descriptor)
            del self.tasks[task.number]
            code = -os.WTERMSIG(task.status) if os.WIFSIGNALED(task.status) else os.WEXITSTATUS(task.status)
            self.write(b"X", task.number, struct.pack(">i", code))

    def handle(self):
        header = self.read(HEADER.size)
        if header is None:
            return False
        kind, number, size = HEADER.unpack(header)
        body = self.read(size)
        if body is None:
            return False
        if kind == b"A":
            digest, _, content = body.partition(b"\0")
            self.packs[digest.decode("ascii")] = unpack(content)
        elif kind == b"R":
            (size,) = struct.unpack(">I", body[:4])
            self.start(number, json.loads(body[4 : 4 + size].decode("utf-8")), body[4 + size :])
        return True

    # Modules

    def warm(self, digest):
        """Imports the base that many modules share. One that cannot be imported here is imported, and fails, in each
        fork: there the module's user sees why."""
        if self.base is not None:
            return
        archive = Archive("/rplay", dict(self.packs[digest]), self.codes.setdefault(digest, {}))
        self.base = archive
        sys.meta_path.insert(0, archive)
        before = set(sys.modules)
        names = archive.files.get(".warm", b"").decode("ascii").split()
        try:
            for name in names:
                __import__(name)
        except BaseException:
            for name in set(sys.modules) - before:
                del sys.modules[name]
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()

    def start(self, number, task, args):
        base, own = task["packs"]
        self.warm(base)
        archive = Archive("/rplay", dict(self.base.files), dict(self.base.codes))
        archive.add(self.packs[own])
        codes = self.codes.setdefault(own, {})
        for name in self.packs[own]:
            if name.endswith(".py") and name not in codes:
                try:
                    codes[name] = compile(archive.files[name], archive.file(name), "exec", 0, True)
                except (SyntaxError, ValueError, TypeError):
                    # Reported by the fork, when it is needed.
                    pass
        archive.codes.update(codes)
        out_reader, out_writer = os.pipe()
        error_reader, error_writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(out_writer)
            os.close(error_writer)
            self.tasks[number] = Task(number, pid, {out_reader: b"1", error_reader: b"2"})
            try:
                # Also done by the fork: whoever is first.
                os.setpgid(pid, pid)
            except OSError:
                pass
            self.write(b"P", number, struct.pack(">I", pid))
            return
        code = 1
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(out_writer, 1)
            os.dup2(error_writer, 2)
            others = [self.reader, self.writer, self.wake_reader, self.wake_writer]
            others += [out_reader, out_writer, error_reader, error_writer]
            for other in self.tasks.values():
                others.extend(other.pipes)
            for descriptor in others:
                os.close(descriptor)
            code = run(archive, task, args)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            end(code)


def unpack(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return dict((name, archive.read(name)) for name in archive.namelist() if not name.endswith("/"))


def run(archive, task, args):
    """Runs a module in a fork. The result is the exit status."""
    for name, value in task["environment"].items():
        os.environ[str(name)] = str(value) if sys.version_info[0] >= 3 else value.encode("utf-8")
    if "TZ" in task["environment"]:
        time.tzset()
    try:
        os.getcwd()
    except OSError:
        try:
            os.chdir(os.path.expanduser("~"))
        except OSError:
            os.chdir("/")
    if task["open_files"]:
        limit(task["open_files"])
    sys.meta_path.remove(find(archive))
    sys.meta_path.insert(0, archive)
    if task.get("scratch"):
        materialize(archive, task)
    name = str(task["path"])
    sys.argv = [archive.file(archive.name(name) or name)]
    status = 1
    try:
        try:
            from ansible.module_utils import basic

            basic._ANSIBLE_ARGS = args
            basic._ANSIBLE_PROFILE = str(task["profile"])
            import runpy

            known = {"_module_fqn": name, "_modlib_path": archive.root}
            runpy.run_module(name, init_globals=known, run_name="__main__", alter_sys=True)
            raise RuntimeError("New-style module did not handle its own exit.")
        except Exception as error:
            raised(error, task["profile"])
    except SystemExit as error:
        status = exit_status(error)
    return status


def find(archive):
    for finder in sys.meta_path:
        if isinstance(finder, Archive):
            return finder
    return archive


def raised(error, profile):
    """What an exception that a module did not expect becomes: ansible-core's own base says it as a result."""
    try:
        from ansible.module_utils._internal._ansiballz import _loader
    except ImportError:
        _loader = None
    if _loader is not None and hasattr(_loader, "_handle_exception"):
        _loader._handle_exception(error, str(profile))
    event = None
    causes = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__
    for cause in reversed(causes):
        said = str(cause) or type(cause).__name__
        event = {"msg": said, "chain": {"event": event}} if event else {"msg": said}
    sys.stderr.write(traceback.format_exc())
    sys.stdout.write("\n" + json.dumps({"failed": True, "exception": {"event": event}}) + "\n")
    sys.exit(1)


def exit_status(error):
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(str(error.code) + "\n")
    return 1


def limit(wanted):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, wanted) if hard != resource.RLIM_INFINITY else wanted
    if wanted != soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except ValueError:
            pass


def materialize(archive, task):
    """Writes the archive to a file of its own, for modules that start another Python with it."""
    import shutil
    import tempfile

    folder = os.path.realpath(tempfile.mkdtemp(prefix="ansible_%s_payload_" % task["name"]))
    root = os.path.join(folder, "ansible_%s_payload.zip" % task["name"])
    owner = os.getpid()

    def clean():
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(clean)
    with zipfile.ZipFile(root, "w") as written:
        for name, content in archive.files.items():
            if name.endswith(".py"):
                written.writestr(name, content)
        written.writestr("sitecustomize.py", 'import sys\nsys.path.insert(0, "%s")\n' % root)
    archive.root = root
    # Their files are named in them.
    archive.codes = {}
    sys.path.insert(0, root)


def end(code):
    """Ends the fork as the end of a Python program does, but for what belongs to the process it was forked from."""
    try:
        threading._shutdown()
    except Exception:
        pass
    try:
        atexit._run_exitfuncs()
    except BaseException:
        pass
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    os._exit(code)


def main():
    reader, writer = os.dup(0), os.dup(1)
    for descriptor in (reader, writer):
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    # `-c` puts the current folder first.
    sys.path[:] = [folder for folder in sys.path if folder not in ("", ".")]
    try:
        Server(reader, writer).serve()
    except (KeyboardInterrupt, IOError, OSError):
        pass
    # What still runs has nobody to tell: whoever ends this process ends it as well.
    os._exit(0)


main()
