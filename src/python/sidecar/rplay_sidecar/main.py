"""Requests of the controller, and what answers each of them."""

import os
import platform
import select
import sys
import threading

from rplay_sidecar import lookups, plugins, values, wire
from rplay_sidecar.context import Context, pass_first

# Raised by nobody on purpose, but a plugin may call `sys.exit`; only the controller ends this process.
CAUGHT = (Exception, SystemExit)


class Sidecar:
    """Answers requests. A method named `do_x` answers the request `x`."""

    def __init__(self):
        self.wire = None
        self.plugins = plugins.Plugins()

    def answer(self, message):
        try:
            handler = getattr(self, "do_" + message["op"])
            return handler(message)
        except CAUGHT as error:
            return self.raised(error, message)

    def raised(self, error, message):
        answer = plugins.describe(error, message.get("file"))
        answer["op"] = "raised"
        return answer

    def do_hello(self, message):
        """Who answers: the interpreter, and where it looks for modules."""
        plugins.add_collections(message.get("collections", []))
        return {
            "op": "done",
            "executable": sys.executable,
            "version": platform.python_version(),
            "pid": os.getpid(),
        }

    def do_collections(self, message):
        """More folders that hold `ansible_collections`."""
        plugins.add_collections(message["folders"])
        return {"op": "done"}

    def do_names(self, message):
        """The filters or tests of some files; a file that cannot be imported has an error instead."""
        found = []
        for file in message["files"]:
            try:
                functions = self.plugins.functions(message["kind"], file, message.get("collection"))
                found.append({"file": file, "names": [str(name) for name in functions]})
            except CAUGHT as error:
                answer = plugins.describe(error, file)
                answer["file"] = file
                found.append(answer)
        return {"op": "done", "value": found}

    def do_call(self, message):
        """Runs a filter, test or lookup."""
        if message["kind"] == "lookup":
            return self.lookup(message)
        function = self.plugins.function(message["kind"], message["file"], message.get("collection"), message["short"])
        args, kwargs = message["args"], message["kwargs"]
        if not plugins.accepts_undefined(function, message["lenient"]):
            missing = values.first_undefined(args)
            if missing is None:
                missing = values.first_undefined(kwargs.values())
            if missing is not None:
                return {"op": "done", "value": self.wire.codec.encode(missing)}
        result = function(*pass_first(function, Context(self.wire, message["scope"])), *args, **kwargs)
        answer = {"op": "done", "value": self.wire.codec.encode(result)}
        if message["kind"] == "test" and type(result) is not bool:
            answer["loose"] = repr(type(result))
        return answer

    def lookup(self, message):
        cls = self.plugins.lookup(message["file"], message.get("collection"))
        if not getattr(cls, "accept_args_markers", False):
            missing = values.first_undefined(message["args"])
            if missing is None:
                missing = values.first_undefined(message["kwargs"].values())
            if missing is not None:
                return {"op": "done", "value": self.wire.codec.encode(missing)}
        result = lookups.run(self.wire, cls, message)
        if isinstance(result, (str, bytes)) or not isinstance(result, (list, tuple)):
            raise TypeError("returned {!r} instead of {!r}".format(type(result), list))
        return {"op": "done", "value": self.wire.codec.encode(list(result))}

    def do_attribute(self, message):
        """An attribute of a plugin's own object, when it has it."""
        value = self.wire.codec.objects[message["of"]]
        name = message["name"]
        try:
            found = getattr(value, name)
        except AttributeError:
            try:
                found = value[name]
            except (TypeError, LookupError, AttributeError):
                return {"op": "done", "value": []}
        return {"op": "done", "value": [self.wire.codec.encode(found)]}


def watch(descriptor):
    """Ends the process when the controller is gone, whatever a plugin is doing."""
    poll = select.poll()
    poll.register(descriptor, 0)
    poll.poll()
    os._exit(0)


def main(reader, writer):
    sidecar = Sidecar()
    sidecar.wire = wire.Wire(reader, writer, sidecar.answer)
    wire.CURRENT = sidecar.wire
    threading.Thread(target=watch, args=(reader.fileno(),), daemon=True).start()
    try:
        sidecar.wire.serve()
    except KeyboardInterrupt:
        pass
    sys.stderr.flush()
    # Threads that plugins left behind must not keep the process.
    os._exit(0)
