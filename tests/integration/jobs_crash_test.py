#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random SIGKILLs of workers, of the daemon and of a map's client while jobs are submitted: no acknowledged job is lost, each ends as
it must, with all its attempts on record, the last of which was executed; what it pushes comes once; who asks again by its key has the
same job, and who comes back to a named map is told the same results.

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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from watched_map import WatchedMap  # noqa: E402

BIN = pathlib.Path(sys.argv[1])
KILLS = int(os.environ.get("PINION_KILLS", "300"))
SEED = int(os.environ.get("PINION_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
PATIENCE = 60
DONE, FAILED = 3, 4
STATES = {DONE: "done", FAILED: "failed"}

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

    def command(self, *arguments):
        return [BIN / "pinionctl", "--runtime-dir", self.folder / "run", *arguments]

    def ctl(self, *arguments, check=False):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=PATIENCE, check=check)

    def submit(self, *arguments):
        return subprocess.Popen(self.command("submit", *arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

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
    pushed, given_once = {}, {}
    for job, end in store.ends.items():
        pool, given = store.inputs[job]
        if f"{pool} {given['n']} {end['number']}" not in executed:
            yield f"job {job}: its last attempt, {end['number']}, was never executed"
        if given["kind"] == "die" and end["number"] < 2:
            yield f"job {job}: the attempt that killed its worker was not counted"
        if store.attempts.get(job, []) != list(range(1, end["number"])):
            yield f"job {job}: of {end['number']} attempts {store.attempts.get(job, [])} and the last are on record"
        if pool != "next" and given_once.setdefault(given["n"], job) != job:
            yield f"jobs {given_once[given['n']]} and {job}: one input, {given['n']}, that was given once"
        if pool == "next":
            pushed[given["n"]] = pushed.get(given["n"], 0) + 1
    pushes = sorted(given["n"] for pool, given in store.inputs.values() if pool != "next" and given["kind"] == "push")
    if sorted(pushed) != pushes or any(count != 1 for count in pushed.values()):
        yield f"{len(pushes)} jobs pushed one each, {sum(pushed.values())} came of it"


class Wishes:
    """Jobs of every kind, each with a number of its own."""

    def __init__(self, dice, first):
        self.dice = dice
        self.next = first

    def __call__(self):
        self.next += 1
        return self.dice.choice(KINDS), self.next - 1


def as_inputs(wishes):
    return [json.dumps({"kind": kind, "n": n}) for kind, n in wishes]


class Hail:
    """Kills beside submits, and the jobs that were acknowledged."""

    def __init__(self, daemon, dice):
        self.daemon, self.dice = daemon, dice
        self.wish = Wishes(dice, 0)
        self.acknowledged, self.daemon_kills, self.unanswered = {}, 0, 0

    def note(self, ids, wishes):
        for job, wish in zip(map(int, ids), wishes):
            if self.acknowledged.setdefault(job, wish) != wish:
                raise SystemExit(f"job {job} was given twice, for {self.acknowledged[job]} and for {wish}")

    def turn(self):
        """One kill beside one submit; where it is the daemon's, beside one with a key, too."""
        pool = self.dice.choice(["work", "work", "trusting"])
        wishes = [self.wish() for _ in range(self.dice.randrange(1, 40))]
        by_daemon = self.dice.random() < 0.3
        at_rest = self.dice.random() < 0.5
        submits = [(self.daemon.submit(pool, *as_inputs(wishes)), wishes)]
        if by_daemon:
            keyed = self.wish()
            words = (pool, *as_inputs([keyed]), "--key", f"order {keyed[1]}")
            submits.append((self.daemon.submit(*words), [keyed]))
        if at_rest:
            ids = self.listen(submits)
            time.sleep(self.dice.random() * 0.02)  # what is killed is not to be at rest always
        self.daemon.kill() if by_daemon else kill_a_worker(self.daemon, self.dice)
        if not at_rest:
            ids = self.listen(submits)
        if by_daemon:
            self.daemon_kills += 1
            self.daemon.start()
            self.daemon.wait_ready()
            # Whether or not the answer came before the kill.
            again = self.listen([(self.daemon.submit(*words), [keyed])])
            if len(again) != 1 or ids not in ([], again):
                raise SystemExit(f"{words[-1]}: was job {ids}, is job {again} after a kill of the daemon:\n" + self.daemon.tail())
            self.unanswered += not ids

    def listen(self, submits):
        """Notes what is acknowledged. Returns the ids of the last submit."""
        for submit, wishes in submits:
            ids = submit.communicate(timeout=PATIENCE)[0].split()
            self.note(ids, wishes)
        return ids


def main():
    print(f"seed {SEED}, {KILLS} kills", flush=True)
    with tempfile.TemporaryDirectory(prefix="pinion-") as name, Daemon(pathlib.Path(name)) as daemon:
        daemon.wait_ready()
        hail = Hail(daemon, random.Random(SEED))
        # What it does depends on how far its client is: its chances are not those of the hail.
        dice = random.Random(SEED + 1)
        beside = WatchedMap(daemon, dice, Wishes(dice, 1 << 40), lambda wish: (STATES[expected(*wish)[0]], expected(*wish)[1]))
        for _ in range(KILLS):
            hail.turn()
            beside.look()
        daemon.wait_ready()
        beside.finish()
        hail.note(beside.jobs.keys(), beside.jobs.values())
        daemon.wait_idle()
        daemon.stop()
        store = Store(daemon.folder)
        executed = set(daemon.notes.read_text().splitlines())
        print(f"{len(hail.acknowledged)} acknowledged, {len(store.ends)} ended after {sum(map(len, store.attempts.values()))} lost "
              f"attempts, {hail.daemon_kills} kills of the daemon, {hail.unanswered} orders asked for again without an answer; "
              f"{beside.maps} maps by {beside.clients} clients, {beside.came_back} of whom were told what others had been")
        if KILLS >= 300 and not (hail.unanswered and beside.came_back):
            raise SystemExit("no order went without an answer, or nobody came back to a map: what is promised then was not tried")
        if wrong := beside.wrongs + list(look_for_wrongs(store, hail.acknowledged, executed)):
            raise SystemExit("\n".join(wrong[:20]) + f"\n{len(wrong)} in all\n" + daemon.tail())


if __name__ == "__main__":
    main()
