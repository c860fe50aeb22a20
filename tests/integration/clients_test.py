#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that call without end, never read, or come when nothing is left: clients_test.py BIN_FOLDER SOURCE_FOLDER

Whatever they do, workers' output is read, who has ended is started again, and the daemon's memory and CPU time are its own.
"""
import contextlib
import os
import pathlib
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from jobs_test import PATIENCE, Daemon, config  # noqa: E402

# Writes a line each 10 ms and ends each half second.
FLEETING = """
  fleeting:
    command: [sh, -c, 'for i in $$(seq 50); do echo tick; sleep 0.01; done']
    cpu: none
    restart: {delay: 1ms, max_delay: 1ms}
"""
STEADY = """
  steady: {command: [sh, -c, 'while :; do echo tick; sleep 0.01; done'], cpu: none}
"""
MANY = """
  many: {command: [sleep, '1000'], workers: 20, cpu: none}
"""
NOTIFYING = """
  notifying: {command: [sleep, '1000'], workers: 2, cpu: none, start: {ready: notify, timeout: 1h}}
"""
STRANGER = 61235

# Writes a block of requests again and again, and reads the answers away; comes back where it is dropped: PATH GREETING
# (in hexadecimal) BLOCK (a file).
FLOOD = r"""
import selectors, socket, sys
block = open(sys.argv[3], "rb").read()
def flood(client):
    client.connect(sys.argv[1])
    client.sendall(bytes.fromhex(sys.argv[2]))
    if client.recv(1 << 16):
        print("begins", flush=True)
    client.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
    rest = block
    while True:
        for _, events in selector.select():
            if events & selectors.EVENT_READ and not client.recv(1 << 20):
                return
            if events & selectors.EVENT_WRITE:
                rest = rest[client.send(rest):] or block
while True:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            flood(client)
    except (BrokenPipeError, ConnectionResetError):
        pass
"""
# Datagrams without end, to the sockets that are named.
DATAGRAMS = r"""
import socket, sys
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print("begins", flush=True)
while True:
    for path in sys.argv[1:]:
        sender.sendto(b"STATUS=x", path)
"""
# A hundred connections, and calls over each that is heard, whose answers nobody reads.
STRANGERS = r"""
import socket, sys
clients = [socket.socket(socket.AF_UNIX) for _ in range(100)]
for client in clients:
    client.connect(sys.argv[1])
    client.settimeout(30)
heard = []
for client in clients:
    try:
        client.sendall(bytes.fromhex(sys.argv[2]))
        if client.recv(100).startswith(b"OK "):
            heard.append(client)
    except (BrokenPipeError, ConnectionResetError):
        pass
print(len(heard), "of 100 were heard", flush=True)
sys.stdin.read()
block = open(sys.argv[3], "rb").read()
for client in heard:
    try:
        client.sendall(b"BEGIN\r\n" + block)
        while client.recv(1 << 20):
            pass
    except (BrokenPipeError, ConnectionResetError):
        pass
print("all were dropped")
"""


def frame(kind, number, text):
    return struct.pack("<IBBHQII", len(text), kind, 1, 0, number, 0, 0) + text.encode()


def call(member, serial=1):
    """A call of a method of the manager that takes no arguments, or, with one, "" for it."""
    fields = bytearray()
    for code, kind, text in ((1, "o", "/org/pinion/Pinion1"), (2, "s", "org.pinion.Pinion1.Manager"), (3, "s", member),
                             (8, "g", "s")):
        fields += bytes(-len(fields) % 8) + bytes((code, 1)) + kind.encode() + b"\0"
        fields += bytes((len(text),)) if kind == "g" else struct.pack("<I", len(text))
        fields += text.encode() + b"\0"
    body = struct.pack("<I", 0) + b"\0"
    head = struct.pack("<cBBBIII", b"l", 1, 0, 1, len(body), serial, len(fields)) + fields
    return head + bytes(-len(head) % 8) + body


def greeting(uid):
    return b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\n"


class Surrounded(Daemon):
    """Its folder may be entered by anybody."""

    def __init__(self, text):
        holder = tempfile.TemporaryDirectory(prefix="pinion-")
        pathlib.Path(holder.name).chmod(0o755)
        super().__init__(text, holder)

    @property
    def control(self):
        return str(self.folder / "run" / "control.sock")

    def ticks(self):
        return self.log().count("tick")

    def ticks_on(self):
        """Until a ticking worker has written on; one that ends has begun anew meanwhile."""
        target = self.ticks() + 150
        self.wait_until(lambda: self.ticks() >= target)

    @contextlib.contextmanager
    def beset(self, script, *words, count=1, user=None):
        command = ["/usr/bin/python3", "-S", "-c", script, *words]
        clients = [subprocess.Popen(command, stdout=subprocess.PIPE, user=user) for _ in range(count)]
        try:
            for client in clients:
                assert client.stdout.readline() == b"begins\n"
            yield
            for client in clients:
                assert client.poll() is None, "it has ended by itself"
        finally:
            for client in clients:
                client.kill()
                client.communicate()

    def flood(self, path, hello, request, user=None):
        (self.folder / "block").write_bytes(request * max(1, (1 << 16) // len(request)))
        return self.beset(FLOOD, str(path), hello.hex(), str(self.folder / "block"), count=6, user=user)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """The most that it ever held, in bytes."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
        raise AssertionError("no VmHWM")


class Descriptors(unittest.TestCase):
    @staticmethod
    def connect_unanswered(daemon, clients):
        """Clients until one is not answered: no descriptor is left for it."""
        for _ in range(20):
            taken = {int(name) for name in os.listdir(f"/proc/{daemon.process.pid}/fd")}
            free = min(set(range(len(taken) + 1)) - taken)
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (free, 4096))
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(daemon.control)
            client.sendall(greeting(os.geteuid()))
            client.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                client.recv(100)
                continue
            return client
        raise AssertionError("there is always a descriptor left")

    def test_a_client_that_no_descriptor_is_left_for_waits_and_costs_nothing(self):
        with Surrounded(config(STEADY)) as daemon, contextlib.ExitStack() as clients:
            client = self.connect_unanswered(daemon, clients)
            spent = daemon.cpu_seconds()
            began = time.monotonic()
            daemon.ticks_on()
            daemon.wait_until(lambda: time.monotonic() > began + 2)
            self.assertLess(daemon.cpu_seconds() - spent, 0.5)
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (4096, 4096))
            client.settimeout(PATIENCE)
            self.assertTrue(client.recv(100).startswith(b"OK "))


class Floods(unittest.TestCase):
    def test_requests_of_jobs_without_end_do_not_keep_output_or_restarts(self):
        with Surrounded(config(FLEETING)) as daemon:
            requests = b"".join(frame(42, number, '{"pool":"none"}') for number in range(2, 1500))
            with daemon.flood(daemon.folder / "run" / "jobs.sock", frame(16, 1, '{"version":1}'), requests):
                daemon.ticks_on()
                self.assertEqual(daemon.ctl("status").returncode, 0)

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_calls_of_control_without_end_do_not_keep_output_or_restarts(self):
        with Surrounded(config(FLEETING)) as daemon:
            with daemon.flood(daemon.control, greeting(STRANGER) + b"BEGIN\r\n", call("Nothing"), STRANGER):
                daemon.ticks_on()
                self.assertEqual(daemon.ctl("status").returncode, 0)

    def test_notifications_without_end_do_not_keep_output_or_restarts(self):
        with Surrounded(config(FLEETING, NOTIFYING)) as daemon:
            sockets = [str(path) for path in (daemon.folder / "run" / "notify").iterdir()]
            self.assertEqual(len(sockets), 2)
            with daemon.beset(DATAGRAMS, *sockets, count=4):
                daemon.ticks_on()
                self.assertEqual(daemon.ctl("status").returncode, 0)


class Deaf(unittest.TestCase):
    def connect(self, daemon):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(PATIENCE)
        client.connect(daemon.control)
        client.sendall(greeting(os.geteuid()))
        self.assertTrue(client.recv(100).startswith(b"OK "))
        client.sendall(b"BEGIN\r\n")
        return client

    def test_who_calls_and_never_reads_is_dropped_before_it_costs_memory(self):
        with Surrounded(config(MANY)) as daemon:
            before = daemon.memory()
            client = self.connect(daemon)
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                for _ in range(5000):
                    client.sendall(call("ListWorkers"))
                while client.recv(1 << 20):
                    pass
                raise BrokenPipeError
            self.assertLess(daemon.memory() - before, 20 << 20)
            self.assertEqual(daemon.ctl("status").returncode, 0)

    def test_who_reads_may_call_as_often_as_he_likes(self):
        with Surrounded(config(MANY)) as daemon:
            client = self.connect(daemon)
            with client.makefile("rb") as answers:
                for _ in range(100):
                    client.sendall(call("ListWorkers") * 20)
                    open_calls = 20
                    while open_calls:
                        head = answers.read(16)
                        body, fields = struct.unpack_from("<4xI4xI", head)
                        answers.read(fields + -fields % 8 + body)
                        self.assertIn(head[1], (2, 4), "an answer, or a signal")
                        open_calls -= head[1] == 2

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_strangers_however_many_do_not_lock_others_out_or_cost_memory(self):
        with Surrounded(config(MANY)) as daemon:
            before = daemon.memory()
            (daemon.folder / "block").write_bytes(call("ListWorkers") * 20_000)
            words = [daemon.control, greeting(STRANGER).hex(), str(daemon.folder / "block")]
            with subprocess.Popen(["/usr/bin/python3", "-S", "-c", STRANGERS, *words], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, user=STRANGER, group=STRANGER, extra_groups=[]) as strangers:
                self.assertEqual(strangers.stdout.readline(), b"16 of 100 were heard\n")
                self.assertEqual(daemon.ctl("status").returncode, 0, "16 hold their places")
                strangers.stdin.close()
                self.assertEqual(strangers.stdout.read(), b"all were dropped\n")
            self.assertLess(daemon.memory() - before, 20 << 20)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
