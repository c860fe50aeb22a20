#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What workers of job pools are given, when they are replaced, and what an interrupted client leaves: jobs_lives_test.py BIN_FOLDER
SOURCE_FOLDER"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from jobs_test import PATIENCE, Daemon, config  # noqa: E402

WORKER = r"""
import json, os, sys, time
kept = []
for line in sys.stdin:
    job = json.loads(line)
    what, answer = job["input"], {"id": job["id"]}
    if what == "mask":
        answer["result"] = sorted(os.sched_getaffinity(0))
    elif what == "die":
        os.kill(os.getpid(), 9)
    elif what == "grow":
        kept.append(b"x" * (4 << 20))
        answer["result"] = os.getpid()
    elif what == "three":
        answer |= {"result": 3, "push": [{"pool": "small", "input": "pid"}] * 3}
    elif what == "gate":
        answer["result"] = open(os.environ["GATE"]).read()
    elif what == "fail":
        answer["error"] = {"type": "bad", "message": "no", "retry": False}
    else:
        answer["result"] = os.getpid()
    print(json.dumps(answer), flush=True)
"""


# Holds and uses as much as it is told to, below a shell that waits for it.
HOG = """
import sys, time
what = sys.stdin.readline().strip()
if what == "burn":
    while time.process_time() < 1.5: pass
    sys.exit(0)
kept = bytearray(96 << 20)
kept[::4096] = b"x" * len(kept[::4096])
while time.process_time() < 0.5: pass
print("ready", file=sys.stderr, flush=True)
time.sleep(1000)
"""


class Lives(Daemon):
    def __init__(self, *pools):
        self.pools_text = pools
        super().__init__("")

    def start(self):
        (self.folder / "worker.py").write_text(WORKER)
        self.gate = self.folder / "gate"
        os.mkfifo(self.gate)
        text = config(*self.pools_text).replace("@WORKER@", str(self.folder / "worker.py")).replace("@GATE@", str(self.gate))
        (self.folder / "pinion.yaml").write_text(text)
        super().start()

    def start_again(self):
        super().start()

    def workers(self, pool):
        answer = self.ctl("status", pool, "--json")
        return [worker for row in json.loads(answer.stdout)["pools"] for worker in row["workers"]]

    def pid(self, pool, but=0):
        """Of its first worker, once there is one and it is another."""
        pids = [0]
        self.wait_until(lambda: pids.append(self.workers(pool)[0]["pid"]) or pids[-1] not in (0, but))
        return pids[-1]

    def states(self, pool):
        answer = self.ctl("jobs", "list", pool, "--limit", "100000", "--json")
        return [job["state"] for job in json.loads(answer.stdout)["jobs"]]

    def interrupted(self, *arguments):
        """A map of which one job runs, behind the gate; interrupted. Its exit code and its words."""
        client = subprocess.Popen(self.ctl_command("map", "p", *arguments, '"gate"', '"pid"'), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
        self.wait_until(lambda: self.states("p").count("running") == 1 and len(self.states("p")) == 2)
        client.send_signal(signal.SIGINT)
        return client.wait(PATIENCE), client.stderr.read()

    def open_gate(self):
        with open(self.gate, "w", encoding="ascii") as gate:
            gate.write("go")


def pool(name="p", **keys):
    keys = {"kind": "jobs", "command": ["python3", "-S", "@WORKER@"], "workers": 1, "cpu": "none", "env": {"GATE": "@GATE@"},
            "restart": {"delay": "1ms", "max_delay": "1ms"}} | keys
    return f"  {name}: {json.dumps(keys)}\n"


class Workers(unittest.TestCase):
    def test_they_are_pinned_and_a_death_names_the_seat(self):
        with Lives(pool(cpu="1 core", job={"attempts": 1})) as daemon:
            seat = daemon.workers("p")[0]["cpus"]
            mask = json.loads(daemon.map("p", '"mask"').stdout)
            self.assertEqual(",".join(map(str, mask)), seat)
            number = daemon.ctl("submit", "p", '"die"').stdout.strip()
            self.assertEqual(daemon.ctl("wait", number).returncode, 1, "it failed")
            death = daemon.job(number)["attempts"][0]["death"]
            self.assertEqual((death["signal"], death["seat"]), (9, seat))

    def test_the_process_that_was_an_attempt_names_its_seat(self):
        with Lives(pool(cpu="1 core", job={"attempts": 1}, protocol="exec", command=["sh", "-c", "kill -9 $$$$"])) as daemon:
            number = daemon.ctl("submit", "p", "1").stdout.strip()
            self.assertEqual(daemon.ctl("wait", number).returncode, 1, "it failed")
            death = daemon.job(number)["attempts"][0]["death"]
            self.assertEqual((death["signal"], death["seat"]), (9, daemon.workers("p")[0]["cpus"]))

    def test_what_is_past_its_retention_is_forgotten_within_seconds(self):
        for durability in ("fsync", "memory"):
            with Lives(pool(queue={"retention": "1s", "durability": durability})) as daemon:
                number = daemon.ctl("submit", "p", '"pid"').stdout.strip()
                self.assertEqual(daemon.ctl("wait", number).returncode, 0)
                self.assertEqual(daemon.job(number)["state"], "done")
                daemon.wait_until(lambda: daemon.ctl("jobs", "show", number).returncode == 4)

    def test_one_that_has_grown_is_replaced_and_no_job_notices(self):
        with Lives(pool(recycle={"memory": "64MiB"})) as daemon:
            pids = [json.loads(daemon.map("p", '"grow"').stdout) for _ in range(40)]
            self.assertGreater(len(set(pids)), 1)
            self.assertGreater(pids.count(pids[0]), 3, "not the first time that it is looked at")
            self.assertIn("recycled", daemon.log())

    def test_one_that_is_old_is_replaced_without_a_job(self):
        with Lives(pool(recycle={"age": "300ms"})) as daemon:
            daemon.pid("p", but=daemon.pid("p"))
            self.assertIn("recycled", daemon.log())

    def test_more_inputs_than_the_queue_holds_are_submitted_where_they_may_wait(self):
        with Lives(pool(queue={"capacity": 3})) as daemon:
            feed = subprocess.run(daemon.ctl_command("submit", "p", "--wait"), input='"pid"\n' * 50, capture_output=True,
                                  text=True, timeout=PATIENCE, check=False)
            self.assertEqual((feed.returncode, feed.stderr, len(set(feed.stdout.split()))), (0, "", 50))
            daemon.wait_until(lambda: daemon.states("p") == ["done"] * 50)
            refused = subprocess.run(daemon.ctl_command("submit", "p"), input='"pid"\n' * 50, capture_output=True,
                                     text=True, timeout=PATIENCE, check=False)
            self.assertIn("more jobs at once than queue.capacity", refused.stderr)

    def test_a_wait_keeps_to_its_timeout_while_the_daemon_hangs(self):
        with Lives(pool()) as daemon:
            job = daemon.ctl("submit", "p", '"gate"').stdout.strip()
            clients = [subprocess.Popen(daemon.ctl_command("wait", what, "--timeout", "2s"), stderr=subprocess.DEVNULL)
                       for what in ("p", job)]
            daemon.process.send_signal(signal.SIGSTOP)
            try:
                for client in clients:
                    self.assertIn(client.wait(15), (3, 5), "one call alone may take 25 s")
            finally:
                daemon.process.send_signal(signal.SIGCONT)
            daemon.open_gate()

    def test_a_list_says_where_it_goes_on(self):
        with Lives(pool()) as daemon:
            ids = [daemon.ctl("submit", "p", '"pid"').stdout.strip() for _ in range(3)]
            listed = daemon.ctl("jobs", "list", "p", "--limit", "2")
            self.assertIn(f"there are more, with greater ids: --after {ids[1]} goes on", listed.stderr)
            rest = daemon.ctl("jobs", "list", "p", "--after", ids[1])
            self.assertEqual([line.split()[0] for line in rest.stdout.splitlines()[1:]], ids[2:])
            self.assertEqual(rest.stderr, "")

    def test_pushes_ignore_the_capacity_of_the_queue_they_go_to(self):
        with Lives(pool(), pool("small", queue={"capacity": 1})) as daemon:
            daemon.ctl("queue", "pause", "small")
            self.assertEqual(daemon.map("p", '"three"').stdout, "3\n")
            self.assertEqual(daemon.states("small"), ["queued"] * 3)
            self.assertIn("its queue is full", daemon.ctl("submit", "small", '"pid"').stderr)
            daemon.ctl("queue", "resume", "small")
            daemon.wait_until(lambda: daemon.states("small") == ["done"] * 3)


class Killed(unittest.TestCase):
    """A process that is killed with its runner is waited for by nobody: what it used is on record all the same."""

    def hogs(self, **job):
        command = ["sh", "-c", 'python3 -S -c "$$0"; true', HOG]
        return Lives(pool(protocol="exec", payload="raw", command=command, job={"attempts": 1} | job))

    def burn(self, daemon):
        """A job before, in the same runner: what it used is its own."""
        self.assertEqual(daemon.map("p", "burn").returncode, 0)

    def check(self, daemon, number, outcome):
        [attempt] = daemon.job(number)["attempts"]
        death = attempt["death"]
        self.assertEqual((attempt["outcome"], death["signal"], death["last_lines"]), (outcome, 9, ["ready"]))
        self.assertGreater(death["peak_memory_bytes"], 96 << 20)
        self.assertLess(death["peak_memory_bytes"], 200 << 20)
        self.assertGreaterEqual(death["cpu_usec"], 400_000)
        self.assertLess(death["cpu_usec"], 1_400_000)
        shown = daemon.ctl("jobs", "show", number).stdout
        self.assertRegex(shown, outcome + r" at p/0 after \S+: SIGKILL; peak 1?\d\dM, \S+ of CPU[^\n]*\n    \| ready\n")

    def test_for_its_time(self):
        with self.hogs(timeout="10s") as daemon:
            self.burn(daemon)
            number = daemon.ctl("submit", "p", "hold").stdout.strip()
            self.assertEqual(daemon.ctl("wait", number).returncode, 1, "it failed")
            self.check(daemon, number, "timeout")

    def test_by_a_cancel(self):
        with self.hogs() as daemon:
            self.burn(daemon)
            number = daemon.ctl("submit", "p", "hold").stdout.strip()
            daemon.wait_until(lambda: "ready" in daemon.ctl("jobs", "log", number).stdout)
            self.assertEqual(daemon.ctl("jobs", "cancel", number).returncode, 0)
            self.check(daemon, number, "cancelled")

    def test_by_somebody_else_nothing_is_made_up(self):
        with self.hogs() as daemon:
            self.burn(daemon)
            number = daemon.ctl("submit", "p", "hold").stdout.strip()
            daemon.wait_until(lambda: "ready" in daemon.ctl("jobs", "log", number).stdout)
            os.kill(daemon.workers("p")[0]["pid"], signal.SIGKILL)
            self.assertEqual(daemon.ctl("wait", number).returncode, 1, "it failed")
            [attempt] = daemon.job(number)["attempts"]
            self.assertEqual((attempt["outcome"], attempt["death"]["last_lines"]), ("crash", ["ready"]))
            self.assertNotIn("cpu_usec", attempt["death"], "what the runner used is of all its jobs")
            self.assertNotIn("peak_memory_bytes", attempt["death"])


class Interrupts(unittest.TestCase):
    def test_a_named_map_goes_on_without_its_client(self):
        with Lives(pool()) as daemon:
            code, words = daemon.interrupted("--name", "film")
            self.assertEqual(code, 130)
            self.assertIn("'film' goes on: 'pinionctl map --attach film'", words)
            daemon.open_gate()
            daemon.wait_until(lambda: daemon.states("p") == ["done"] * 2)

    def test_a_map_without_a_name_is_cancelled_with_the_job_that_runs(self):
        with Lives(pool()) as daemon:
            worker = daemon.pid("p")
            code, words = daemon.interrupted()
            self.assertEqual(code, 130)
            self.assertIn("interrupted; the map is cancelled", words)
            daemon.wait_until(lambda: daemon.states("p") == ["cancelled"] * 2)
            daemon.pid("p", but=worker)
            self.assertEqual(daemon.map("p", '"pid"').returncode, 0)


class Cancels(unittest.TestCase):
    MANY = 6000  # more than are ended in one turn

    def start_map(self, daemon, *arguments, jobs):
        client = subprocess.Popen(daemon.ctl_command("map", "p", *arguments), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, text=True)
        client.stdin.write("".join(job + "\n" for job in jobs))
        client.stdin.close()
        daemon.wait_until(lambda: len(daemon.states("p")) == len(jobs))
        return client

    def restart(self, daemon):
        daemon.kill()
        daemon.start_again()

    def test_of_a_map_outlives_the_daemon(self):
        with Lives(pool()) as daemon:
            inputs = ['"gate"'] * self.MANY
            client = self.start_map(daemon, "--name", "film", jobs=inputs)
            alone = daemon.ctl("submit", "p", '"pid"').stdout.strip()
            client.kill()
            client.wait()
            cancel = daemon.ctl("jobs", "cancel", "film")
            self.assertEqual(cancel.returncode, 0, cancel.stderr)
            self.restart(daemon)
            daemon.wait_until(lambda: daemon.states("p") == ["cancelled"] * self.MANY + ["done"])
            again = daemon.ctl("jobs", "cancel", "film")
            self.assertEqual((again.returncode, again.stderr), (1, "pinionctl: cancel map 'film': all of it had ended before\n"))
            more = daemon.map("p", "--name", "film", "--json", stdin="\n".join(inputs + ['"pid"']))
            self.assertEqual({json.loads(line)["state"] for line in more.stdout.splitlines()}, {"cancelled"})
            retried = daemon.ctl("jobs", "retry", alone).stdout.strip()
            self.assertEqual(daemon.ctl("wait", retried).returncode, 0)
            of_map = json.loads(more.stdout.splitlines()[-1])["id"]
            self.assertEqual(daemon.ctl("wait", daemon.ctl("jobs", "retry", str(of_map)).stdout.strip()).returncode, 0)

    def test_by_a_failure_outlives_the_daemon(self):
        with Lives(pool()) as daemon:
            client = self.start_map(daemon, "--name", "film", "--fail-fast", jobs=['"fail"'] + ['"pid"'] * self.MANY)
            daemon.wait_until(lambda: "failed" in daemon.states("p"))
            client.kill()
            client.wait()
            done = daemon.states("p").count("done")
            self.restart(daemon)
            daemon.wait_until(lambda: daemon.states("p").count("cancelled") == self.MANY - done)

    def test_a_map_without_a_name_ends_with_the_daemon_and_what_was_submitted_does_not(self):
        with Lives(pool()) as daemon:
            client = self.start_map(daemon, jobs=['"gate"', '"pid"'])
            daemon.wait_until(lambda: "running" in daemon.states("p"))
            alone = daemon.ctl("submit", "p", '"pid"').stdout.strip()
            self.restart(daemon)
            self.assertEqual(client.wait(PATIENCE), 5)
            self.assertEqual(daemon.ctl("wait", alone).returncode, 0)
            daemon.wait_until(lambda: daemon.states("p") == ["cancelled", "cancelled", "done"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
