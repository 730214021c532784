"""Frames over two pipes, and the conversation that is built of them.

A frame is four bytes of length, big end first, and a JSON object. The controller asks (`op`: `call`, `names`, ..); before
the answer (`done`, `raised`) the sidecar may ask back any number of times (`resolve`, `filter`, ..), and each such question
may bring a `call` of its own before it is answered. Only one side talks at a time.
"""

import fcntl
import json
import os
import struct
import tempfile
import threading

from rplay_sidecar import values

# The conversation of this process, for stand-ins that have to ask rplay (`Display`, `yaml`).
CURRENT = None
# Whether text that a plugin made is a template where releases before 2.19 took it for one.
LENIENT = False
# The plugins imported in a worker.
PLUGINS = None


class Failed(Exception):
    """What the controller could not give: its error, known there by a number."""

    def __init__(self, message, marker=None, undefined=False):
        super().__init__(message)
        self.rplay_marker = marker
        self.undefined = undefined


class Turn:
    """Who may ask: one thread at a time, and where a plugin has forked, one process at a time."""

    def __init__(self):
        self._threads = threading.RLock()
        self._depth = 0
        # Made when it is needed: most plugins never fork.
        self._file = None
        os.register_at_fork(before=self._before, after_in_child=self._after)

    def _before(self):
        if self._file is None:
            self._file = tempfile.TemporaryFile()

    def _after(self):
        self._threads, self._depth = threading.RLock(), 0

    def __enter__(self):
        self._threads.acquire()
        self._depth += 1
        if self._file is not None and self._depth == 1:
            fcntl.lockf(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self._depth -= 1
        if self._file is not None and self._depth == 0:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._threads.release()


class Wire:
    """One end of the conversation."""

    def __init__(self, reader, writer, answer):
        """`answer` is called with a request of the controller and gives the frame to send back."""
        self.reader = reader
        self.writer = writer
        self.answer = answer
        self.codec = values.Codec(self)
        # `ansible.cfg`, for options of plugins.
        self.config = None
        # A plugin may have threads and processes; each question waits for its answer.
        self.lock = Turn()

    def send(self, message):
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        self.writer.write(struct.pack(">I", len(data)) + data)
        self.writer.flush()

    def receive(self):
        """The next frame; EOFError when the controller has gone."""
        head = self.reader.read(4)
        if len(head) < 4:
            raise EOFError("rplay has gone")
        (size,) = struct.unpack(">I", head)
        data = self.reader.read(size)
        if len(data) < size:
            raise EOFError("rplay has gone")
        message = json.loads(data.decode("utf-8"), object_hook=self.codec.decode)
        if self.codec.guards_text and (b"{{" in data or b"{%" in data or b"{#" in data):
            message = {key: values.guarded(value) for key, value in message.items()}
        return message

    def ask(self, op, **fields):
        """Asks the controller while a plugin waits; calls that come first are answered first."""
        fields["op"] = op
        with self.lock:
            self.send(fields)
            while True:
                message = self.receive()
                op = message["op"]
                if op == "answer":
                    return message.get("value")
                if op == "failed":
                    raise self.failure(message)
                self.send(self.answer(message))

    def failure(self, message):
        """The exception for what the controller could not do: undefined ones are Jinja's."""
        if message.get("undefined"):
            return values.undefined_error(message["message"], message.get("marker"))
        if message.get("kind"):
            from ansible import errors

            return getattr(errors, message["kind"])(message["message"])
        return Failed(message["message"], message.get("marker"))

    def notice(self, level, text, **how):
        """Something to tell the user; nobody answers."""
        with self.lock:
            self.send(dict(how, op="notice", level=level, text=str(text)))

    def serve(self):
        """Answers until the controller goes."""
        while True:
            try:
                message = self.receive()
            except EOFError:
                return
            self.send(self.answer(message))
