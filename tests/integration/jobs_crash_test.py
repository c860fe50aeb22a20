#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random SIGKILLs of workers and of the daemon while jobs are submitted: no acknowledged job is lost, each ends as it must, with all
its attempts on record, the last of which was executed; what it pushes comes once.

  jobs_crash_test.py BIN_FOLDER

PINION_KILLS=N sets the number of kills (300), PINION_SEED=N repeats a run.
"""
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(sys.argv[1])
KILLS = int(os.environ.get("PINION_KILLS", "300"))
SEED = int(os.environ.get("PINION_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
PATIENCE = 60
DONE, FAILED = 3, 4

# A result pushes to a queue that is as durable or more, so `next` is as safe as `work`.
POOLS = {"work": ("fsync", 3), "trusting": ("os", 2), "next": ("fsync", 1)}
CONFIG = "version: 1\npools:\n" + "".join(f"""
  {name}:
    kind: jobs
    command: [python3, -S, "@WORKER@", "@NOTES@"]
    workers: {workers}
    cpu: none
    queue: {{durability: {durability}}}
    restart: {{delay: 1ms, max_delay: 1ms}}
    job: {{attempts: 1000, delay: 1ms, max_delay: 1ms}}
""" for name, (durability, workers) in POOLS.items())
# Notes what it executes, in one write; then does what its input says.
WORKER = """
import json, os, sys
notes = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
for line in sys.stdin:
    job = json.loads(line)
    kind, n = job["input"]["kind"], job["input"]["n"]
    os.write(notes, f"{os.environ['PINION_POOL']} {n} {job['attempt']}\\n".encode())
    answer = {"id": job["id"], "result": 2 * n}
    if kind == "large":
        answer["result"] = str(n) * 2000
    elif kind == "push":
        answer["push"] = [{"pool": "next", "input": {"kind": "small", "n": n}}]
    elif kind == "fail":
        answer = {"id": job["id"], "error": {"type": "bad", "message": "no", "retry": False}}
    elif kind == "die" and job["attempt"] == 1:
        os.kill(os.getpid(), 9)
    print(json.dumps(answer), flush=True)
"""
KINDS = ["small"] * 12 + ["large", "push", "push", "fail", "die"]


def expected(kind, n):
    """The state and the result of a job, after however many attempts."""
    if kind == "fail":
        return FAILED, None
    return DONE, str(n) * 2000 if kind == "large" else 2 * n


class Daemon:
    """piniond, started again in the same folders after each kill."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "worker.py").write_text(WORKER)
        self.notes = folder / "notes"
        config = CONFIG.replace("@WORKER@", str(folder / "worker.py")).replace("@NOTES@", str(self.notes))
        (folder / "pinion.yaml").write_text(config)
        self.log = open(folder / "log", "ab")
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        self.log.close()

    def start(self):
        self.process = subprocess.Popen(
            [BIN / "piniond", "--config", self.folder / "pinion.yaml", "--runtime-dir", self.folder / "run",
             "--state-dir", self.folder / "state", "--log", "console"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ctl(self, *arguments, check=False):
        return subprocess.run([BIN / "pinionctl", "--runtime-dir", self.folder / "run", *arguments],
                              capture_output=True, text=True, timeout=PATIENCE, check=check)

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.ctl("wait", "--ready", "--timeout", "10s").returncode == 0:
                return
            if self.process.poll() is not None:
                raise SystemExit(f"piniond ended with {self.process.returncode}:\n" + self.tail())
        raise SystemExit("piniond is not ready:\n" + self.tail())

    def worker_pids(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in pathlib.Path(path).read_text().split()]

    def wait_idle(self):
        """Until nothing waits and nothing runs."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pools = json.loads(self.ctl("status", "--json", check=True).stdout)["pools"]
            if not any(pool[f"jobs_{what}"] for pool in pools for what in ("running", "ready", "delayed")):
                return
        raise SystemExit("the queues do not become empty:\n" + self.tail())

    def stop(self):
        self.process.terminate()
        if self.process.wait(PATIENCE) != 0:
            raise SystemExit("piniond did not stop cleanly:\n" + self.tail())

    def tail(self):
        return "".join((self.folder / "log").read_text(errors="replace").splitlines(True)[-40:])


def kill_a_worker(daemon, dice):
    """By pidfd, and only a child of our daemon."""
    pids = daemon.worker_pids()
    if not pids:
        return
    try:
        pidfd = os.pidfd_open(dice.choice(pids))
    except ProcessLookupError:
        return
    with os.fdopen(pidfd) as held:
        try:
            signal.pidfd_send_signal(held.fileno(), signal.SIGKILL)
        except ProcessLookupError:
            pass


class Store:
    """What is on disk, once the daemon has stopped."""

    def __init__(self, folder):
        database = sqlite3.connect(f"file:{folder}/state/jobs/jobs.db?mode=ro", uri=True)
        database.row_factory = sqlite3.Row
        spool = folder / "state" / "jobs" / "spool"

        def text(row, column):
            return (spool / row["file"]).read_text() if row["file"] else row[column]

        self.live = database.execute("SELECT count(*) FROM live").fetchone()[0]
        self.ends = {row["id"]: row for row in database.execute("SELECT * FROM finished")}
        self.results = {job: text(row, "result") for job, row in self.ends.items() if row["state"] == DONE}
        pools = {row["id"]: row["name"] for row in database.execute("SELECT id, name FROM pools")}
        self.inputs = {row["id"]: (pools[row["pool"]], json.loads(text(row, "payload")))
                       for row in database.execute("SELECT * FROM inputs")}
        self.attempts = {}
        for row in database.execute("SELECT job, number FROM attempts ORDER BY job, number"):
            self.attempts.setdefault(row["job"], []).append(row["number"])
        database.close()


def look_for_wrongs(store, acknowledged, executed):
    """Sentences, one for each promise that was not kept."""
    if store.live != 0:
        yield f"{store.live} jobs never ended"
    for job, (kind, n) in acknowledged.items():
        end = store.ends.get(job)
        state, result = expected(kind, n)
        if end is None or end["state"] != state:
            yield f"job {job} ({kind}): {'no end' if end is None else 'state ' + str(end['state'])}"
        elif state == DONE and json.loads(store.results[job]) != result:
            yield f"job {job} ({kind}): {n} became {store.results[job]!r:.80}"
    pushed = {}
    for job, end in store.ends.items():
        pool, given = store.inputs[job]
        if f"{pool} {given['n']} {end['number']}" not in executed:
            yield f"job {job}: its last attempt, {end['number']}, was never executed"
        if given["kind"] == "die" and end["number"] < 2:
            yield f"job {job}: the attempt that killed its worker was not counted"
        if store.attempts.get(job, []) != list(range(1, end["number"])):
            yield f"job {job}: of {end['number']} attempts {store.attempts.get(job, [])} and the last are on record"
        if pool == "next":
            pushed[given["n"]] = pushed.get(given["n"], 0) + 1
    pushes = sorted(given["n"] for pool, given in store.inputs.values() if pool != "next" and given["kind"] == "push")
    if sorted(pushed) != pushes or any(count != 1 for count in pushed.values()):
        yield f"{len(pushes)} jobs pushed one each, {sum(pushed.values())} came of it"


def submit_and_kill(daemon, dice, first):
    """One kill beside one submit. Returns whether it was the daemon's, and the jobs that were acknowledged."""
    pool = dice.choice(["work", "work", "trusting"])
    wishes = [(dice.choice(KINDS), first + i) for i in range(dice.randrange(1, 40))]
    inputs = [json.dumps({"kind": kind, "n": n}) for kind, n in wishes]
    submit = subprocess.Popen([BIN / "pinionctl", "--runtime-dir", daemon.folder / "run", "submit", pool, *inputs],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    by_daemon = dice.random() < 0.3
    at_rest = dice.random() < 0.5
    if at_rest:
        ids = submit.communicate(timeout=PATIENCE)[0].split()
        time.sleep(dice.random() * 0.02)  # what is killed is not to be at rest always
    daemon.kill() if by_daemon else kill_a_worker(daemon, dice)
    if not at_rest:
        ids = submit.communicate(timeout=PATIENCE)[0].split()
    return by_daemon, dict(zip(map(int, ids), wishes)), first + len(wishes)


def main():
    print(f"seed {SEED}, {KILLS} kills", flush=True)
    dice = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="pinion-") as name, Daemon(pathlib.Path(name)) as daemon:
        daemon.wait_ready()
        acknowledged, daemon_kills, first = {}, 0, 0
        for _ in range(KILLS):
            by_daemon, jobs, first = submit_and_kill(daemon, dice, first)
            if acknowledged.keys() & jobs.keys():
                raise SystemExit(f"jobs {acknowledged.keys() & jobs.keys()} were given twice")
            acknowledged |= jobs
            if by_daemon:
                daemon_kills += 1
                daemon.start()
                daemon.wait_ready()
        daemon.wait_ready()
        daemon.wait_idle()
        daemon.stop()
        store = Store(daemon.folder)
        executed = set(daemon.notes.read_text().splitlines())
        print(f"{len(acknowledged)} acknowledged, {len(store.ends)} ended after {sum(map(len, store.attempts.values()))} lost attempts, "
              f"{daemon_kills} kills of the daemon")
        if wrong := list(look_for_wrongs(store, acknowledged, executed)):
            raise SystemExit("\n".join(wrong[:20]) + f"\n{len(wrong)} in all\n" + daemon.tail())


if __name__ == "__main__":
    main()
