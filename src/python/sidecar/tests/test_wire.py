"""Questions from several processes do not mix."""

import json
import os
import socket
import struct
import threading
import unittest

from rplay_sidecar import wire


def serve(end):
    """Answers every question with the number in it."""
    stream = end.makefile("rb")
    while True:
        head = stream.read(4)
        if len(head) < 4:
            return
        message = json.loads(stream.read(struct.unpack(">I", head)[0]))
        data = json.dumps({"op": "answer", "value": message["number"]}).encode()
        end.sendall(struct.pack(">I", len(data)) + data)


class Writer:
    def __init__(self, end):
        self.write = end.sendall

    def flush(self):
        pass


class Turns(unittest.TestCase):
    def test_forked_processes_ask_one_after_another(self):
        ours, theirs = socket.socketpair()
        threading.Thread(target=serve, args=(theirs,), daemon=True).start()
        asking = wire.Wire(ours.makefile("rb"), Writer(ours), None)
        children = []
        for start in (1000, 2000, 3000):
            pid = os.fork()
            if pid == 0:
                same = all(asking.ask("x", number=start + n) == start + n for n in range(200))
                os._exit(0 if same else 1)
            children.append(pid)
        self.assertTrue(all(asking.ask("x", number=n) == n for n in range(200)))
        self.assertEqual([os.waitpid(pid, 0)[1] for pid in children], [0, 0, 0])


if __name__ == "__main__":
    unittest.main()
