# SPDX-License-Identifier: Apache-2.0
"""What bench/job_pools measures with: a real piniond, its bare peers, CPU time, and tables in Markdown."""
import json
import os
import pathlib
import resource
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time

RECORD = struct.Struct("qq")
PATIENCE = 120
TICK = os.sysconf("SC_CLK_TCK")
FIVE_LINES = """\
import sys, json
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps({"id": job["id"], "result": job["input"] * 2}), flush=True)
"""


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Bench:
    """What was asked for, and where it happens."""

    def __init__(self, options):
        self.quick, self.rounds, self.bin = options.quick, 1 if options.quick else options.rounds, options.build / "bin"
        self.folder = options.folder

    def dose(self, whole, quick):
        return quick if self.quick else whole

    def feed(self, what, daemon, pool, *arguments):
        command = [self.bin / "bench_job_feed", what, daemon.socket, pool, *map(str, arguments)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
        return [float(word) for word in done.stdout.split()]

    def bare(self, *arguments):
        command = [self.bin / "bench_job_bare", *map(str, arguments)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout)


class Daemon:
    """A piniond with these pools, in a folder of its own; `ready_after` seconds it took to say that it is ready."""

    def __init__(self, bench, pools):
        self.bench = bench
        self.holder = tempfile.TemporaryDirectory(prefix="pinion-bench-", dir=bench.folder)
        self.folder = pathlib.Path(self.holder.name)
        self.socket = self.folder / "run" / "jobs.sock"
        (self.folder / "five.py").write_text(FIVE_LINES, encoding="ascii")
        os.mkfifo(self.folder / "fifo")
        # Kept open for writing too, so that reading never sees the end.
        self.fifo = os.open(self.folder / "fifo", os.O_RDWR)
        config = "version: 1\npools:\n"
        for name, keys in pools.items():
            config += f"  {name}: " + json.dumps({"cpu": "none"} | keys).replace("@", str(self.folder) + "/") + "\n"
        (self.folder / "pinion.yaml").write_text(config, encoding="ascii")
        self.start()

    def start(self):
        notify = self.folder / "notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, open(self.folder / "log", "ab") as log:
            told.bind(str(notify))
            told.settimeout(PATIENCE)
            began = time.monotonic()
            self.process = subprocess.Popen(
                [self.bench.bin / "piniond", "--config", self.folder / "pinion.yaml", "--runtime-dir", self.folder / "run",
                 "--state-dir", self.folder / "state", "--log", "console"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"NOTIFY_SOCKET": str(notify)})
            while b"READY=1" not in told.recv(4096):
                pass
            self.ready_after = time.monotonic() - began

    def ctl(self, *arguments, **how):
        return subprocess.run([self.bench.bin / "pinionctl", "--runtime-dir", self.folder / "run", *arguments], check=True,
                              timeout=PATIENCE, stderr=subprocess.DEVNULL, **({"stdout": subprocess.DEVNULL} | how))

    def map_by_ctl(self, pool, inputs):
        """Results a second, of a file of inputs."""
        with open(inputs, "rb") as lines:
            began = time.perf_counter()
            done = self.ctl("map", pool, stdin=lines, stdout=subprocess.PIPE)
            took = time.perf_counter() - began
        count = done.stdout.count(b"\n")
        return count / took

    def children(self):
        found = []
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            found += pathlib.Path(f"/proc/{self.process.pid}/task/{task}/children").read_text(encoding="ascii").split()
        return found

    def memory(self):
        """Resident MiB."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0

    def status_ms(self):
        times = []
        for _ in range(5):
            began = time.perf_counter()
            self.ctl("status")
            times.append((time.perf_counter() - began) * 1e3)
        return statistics.median(times)

    def read(self):
        return RECORD.unpack(os.read(self.fifo, RECORD.size))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        os.close(self.fifo)
        self.holder.cleanup()


class BareLoop:
    """The peer of respawns: a loop of vfork and exec that keeps ten alive, and nothing more."""

    def __init__(self, bench, folder):
        path = folder / "bare-fifo"
        os.mkfifo(path)
        self.fifo = os.open(path, os.O_RDWR)
        self.process = subprocess.Popen([bench.bin / "bench_bare", "10", bench.bin / "bench_worker", path])

    def read(self):
        return RECORD.unpack(os.read(self.fifo, RECORD.size))

    def stop(self, pids):
        self.process.kill()
        self.process.wait()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        os.close(self.fifo)


class Meter:
    """CPU time that a measure took in the daemon, in its workers and in its clients, in µs a job."""

    def __init__(self, daemon):
        self.daemon, self.spent = daemon, {}

    def now(self):
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (cpu_of(self.daemon.process.pid), sum(map(cpu_of, self.daemon.children())), usage.ru_utime + usage.ru_stime)

    def measured(self, name, measure, count):
        def run():
            before = self.now()
            rate = measure()
            self.spent.setdefault(name, []).append([(b - a) / count * 1e6 for a, b in zip(before, self.now())])
            return rate
        return run

    def tell(self):
        for name, spent in self.spent.items():
            own, workers, client = (statistics.median(values) for values in zip(*spent))
            print(f"CPU time a job, {name}: daemon {own:.2f} µs, workers {workers:.2f} µs, client {client:.2f} µs.")
        print(flush=True)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def table(title, header, rows):
    print(f"### {title}\n\n| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def beside(bench, title, peers, ours):
    """`peers`, `ours`: name → a function that gives a rate. All take turns; each is compared with each peer."""
    rates = {name: [] for name in peers | ours}
    for _ in range(bench.rounds):
        for name, measure in (ours | peers).items():
            rates[name].append(measure())
    rows = []
    for name, values in rates.items():
        ratios = [f"{statistics.median(a / b for a, b in zip(values, rates[peer])):.2f}" if name != peer else ""
                  for peer in peers]
        rows.append([f"**{name}**" if name in ours else name, f"{statistics.median(values):,.0f}", *ratios])
    table(title, ["", "jobs a second", *(f"/ {peer}" for peer in peers)], rows)
