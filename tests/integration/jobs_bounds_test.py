#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What many jobs may cost in memory: jobs_bounds_test.py BIN_FOLDER SOURCE_FOLDER

PINION_JOBS=N: so many in a queue on disk (100,000) and in a stream (200,000); ./dev soak takes a million.
"""
import json
import os
import pathlib
import re
import select
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from jobs_test import PATIENCE, Daemon, config  # noqa: E402

JOBS = int(os.environ.get("PINION_JOBS", "0"))
QUEUED, STREAMED = JOBS or 100_000, JOBS or 200_000
MIB = 1 << 20
QUEUE = 16 * MIB + 48 * QUEUED  # above an empty daemon: 62 MiB for a million jobs, of which 64 are the goal
CLIENT = 24 * MIB               # `pinionctl map`, however long its stream
KEPT = 256 * MIB                # finished jobs that a pool in memory remembers
AHEAD = 32 * MIB                # inputs of 1 KiB that are taken while no result can be given: 16,384, and the pipes
# Line in, line out, as they come; but for those of a gate, which has to be opened.
WORKER = """
import sys
for line in sys.stdin.buffer:
    if line.startswith(b"/"):
        open(line.split()[0]).read()
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
"""
MEMORY = """
  echo:
    kind: jobs
    command: [python3, -S, "@FOLDER@/worker.py"]
    payload: raw
    workers: 2
    cpu: none
    queue: {durability: memory}
"""
DISK = """
  disk:
    kind: jobs
    command: [cat]
    payload: raw
    workers: 1
    cpu: none
    queue: {durability: os}
"""


def memory(pid, what):
    """Of a process that lives, in bytes: VmRSS, or VmHWM, the most that it ever was."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


class RawDaemon(Daemon):
    def start(self):
        (self.folder / "worker.py").write_text(WORKER, encoding="ascii")
        config_file = self.folder / "pinion.yaml"
        config_file.write_text(config_file.read_text(encoding="ascii").replace("@FOLDER@", str(self.folder)), encoding="ascii")
        super().start()


class Stream:
    """`pinionctl map` between two pipes: what goes in is written, what comes out is read, as far as either is possible."""

    def __init__(self, daemon):
        self.process = subprocess.Popen(daemon.ctl_command("map", "echo"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        os.set_blocking(self.process.stdin.fileno(), False)
        self.taken = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def feed(self, text):
        """How much of it is taken while nothing is read, until nothing was taken for two seconds."""
        fed = 0
        while fed < len(text) and select.select([], [self.process.stdin], [], 2)[1]:
            fed += os.write(self.process.stdin.fileno(), text[fed:fed + (64 << 10)])
        return fed

    def exchange(self, text, fed=0):
        """Feeds the rest of it and reads as much as all of it; what was read."""
        out = bytearray()
        while len(out) < len(text):
            writers = [self.process.stdin] if fed < len(text) else []
            readable, writable, _ = select.select([self.process.stdout], writers, [], PATIENCE)
            assert readable or writable, f"it stands still after {fed} bytes in and {len(out)} out"
            if writable:
                fed += os.write(self.process.stdin.fileno(), text[fed:fed + (64 << 10)])
            if readable:
                some = os.read(self.process.stdout.fileno(), 1 << 20)
                assert some, f"it ended after {len(out)} bytes"
                out += some
        return bytes(out)


@unittest.skipIf("ASAN_OPTIONS" in os.environ, "a sanitizer has memory of its own")
class Bounds(unittest.TestCase):
    def test_a_stream_of_inputs_is_not_kept(self):
        text = "".join(f"input {i}\n" for i in range(STREAMED)).encode()
        with RawDaemon(config(MEMORY)) as daemon, Stream(daemon) as stream:
            self.assertTrue(stream.exchange(text) == text, "other results, or in another order")
            # Its input is still open, so it lives.
            self.assertLess(memory(stream.process.pid, "VmHWM"), CLIENT)
            self.assertLess(memory(daemon.process.pid, "VmHWM"), KEPT + 64 * MIB)

    def test_nobody_reads_the_results(self):
        with RawDaemon(config(MEMORY)) as daemon:
            self.check_what_is_ahead(daemon, b"x" * 1023 + b"\n", lambda: None)

    def test_the_first_result_is_late(self):
        with RawDaemon(config(MEMORY)) as daemon:
            gate = daemon.folder / "gate"
            os.mkfifo(gate)
            first = f"{gate} ".encode().ljust(1023, b"x") + b"\n"
            self.check_what_is_ahead(daemon, first, lambda: gate.write_text("go", encoding="ascii"))

    def check_what_is_ahead(self, daemon, first, let_it_go):
        text = first + (b"y" * 1023 + b"\n") * (3 * AHEAD // 1024)
        empty = memory(daemon.process.pid, "VmRSS")
        with Stream(daemon) as stream:
            fed = stream.feed(text)
            self.assertLess(fed, AHEAD)
            self.assertLess(memory(stream.process.pid, "VmHWM"), CLIENT)
            self.assertLess(memory(daemon.process.pid, "VmHWM"), empty + 2 * AHEAD)
            let_it_go()
            self.assertTrue(stream.exchange(text, fed) == text, "other results, or in another order")

    def test_a_long_queue(self):
        with Daemon(config(DISK)) as daemon:
            daemon.ctl("queue", "pause", "disk")
            empty = memory(daemon.process.pid, "VmRSS")
            inputs = daemon.folder / "inputs"
            inputs.write_text("".join(f"{i}\n" for i in range(QUEUED)), encoding="ascii")
            with open(inputs, "rb") as lines, open(daemon.folder / "ids", "w+b") as ids:
                subprocess.run(daemon.ctl_command("submit", "disk"), stdin=lines, stdout=ids, check=True)
                ids.seek(0)
                self.assertEqual(sum(1 for _ in ids), QUEUED)
            self.assertLess(memory(daemon.process.pid, "VmRSS"), empty + QUEUE)
            daemon.kill()
            daemon.start()
            self.assertLess(memory(daemon.process.pid, "VmRSS"), empty + QUEUE)
            (pool,) = json.loads(daemon.ctl("status", "--json").stdout)["pools"]
            self.assertEqual(pool["jobs_ready"], QUEUED)


if __name__ == "__main__":
    del sys.argv[1:]
    unittest.main()
