"""The process that forks: every action, connection and set of callbacks of a run has a process of its own.

rplay sends an order and a socket with it. The files that the order names are imported here, once, so that what a fork costs
is the fork. The fork talks to rplay over that socket and ends when it is closed.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
import threading

from rplay_sidecar import plugins, wire

CAUGHT = (Exception, SystemExit)


class Worker:
    """Answers the requests of one socket. A method named `do_x` of an office answers the request `x`."""

    def __init__(self, order):
        self.wire = None
        self.order = order
        self.plugins = PLUGINS
        self.offices = {}

    def office(self, op):
        """What answers such a request; only what is used is imported."""
        if op in ("act", "cleanup"):
            from rplay_sidecar import actions as module
        elif op in ("callbacks", "event"):
            from rplay_sidecar import callbacks as module
        elif op in ("verify", "inventory", "vars"):
            from rplay_sidecar import inventories as module
        elif op == "cache":
            from rplay_sidecar import caches as module
        else:
            from rplay_sidecar import connections as module
        if module not in self.offices:
            self.offices[module] = module.Office(self)
        return self.offices[module]

    def answer(self, message):
        try:
            return getattr(self.office(message["op"]), "do_" + message["op"])(message)
        except CAUGHT as error:
            return self.raised(error, message)

    def raised(self, error, message):
        answer = plugins.describe(error, message.get("file"))
        answer["op"] = "raised"
        answer["kinds"] = [kind.__name__ for kind in type(error).__mro__]
        return answer


PLUGINS = plugins.Plugins()


def receive(control):
    """The next order and its socket; None at the end."""
    head, ancillary, _flags, _address = control.recvmsg(4, socket.CMSG_LEN(struct.calcsize("i")))
    if not head:
        return None
    sockets = [
        socket.socket(fileno=struct.unpack("i", data[:4])[0])
        for level, kind, data in ancillary
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS
    ]
    head += exactly(control, 4 - len(head))
    (size,) = struct.unpack(">I", head)
    return json.loads(exactly(control, size).decode("utf-8")), sockets[0]


def exactly(control, size):
    data = b""
    while len(data) < size:
        part = control.recv(size - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data


def prepare(order):
    """Imports what a worker will need. What fails to be imported fails again, and is told of, in the worker."""
    plugins.add_collections(order["collections"])
    for plugin in order["plugins"]:
        try:
            PLUGINS.module(plugin["kind"], plugin["file"], plugin["collection"])
        except CAUGHT:
            pass


def watch(descriptor):
    """Ends the process when rplay has closed its socket, whatever a plugin is doing."""
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)
    poll.poll()
    os._exit(0)


class Writer:
    """Writes whole frames to a socket."""

    def __init__(self, connected):
        self.write = connected.sendall

    def flush(self):
        pass


def work(order, connected):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = Worker(order)
    worker.wire = wire.Wire(connected.makefile("rb"), Writer(connected), worker.answer)
    worker.wire.codec.guards_text = True
    worker.wire.config = order.get("config")
    wire.CURRENT = worker.wire
    wire.PLUGINS = worker.plugins
    wire.LENIENT = bool(order.get("lenient"))
    threading.Thread(target=watch, args=(connected.fileno(),), daemon=True).start()
    try:
        worker.wire.serve()
    except (KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        pass
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that plugins left behind must not keep the process.
    os._exit(0)


def main(control):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        received = receive(control)
        if received is None:
            sys.exit(0)
        order, connected = received
        prepare(order)
        if os.fork() == 0:
            control.close()
            try:
                work(order, connected)
            finally:
                os._exit(1)
        connected.close()
