#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random SIGKILLs of workers and of the daemon while jobs are submitted: no acknowledged job is lost, none ends twice.

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

CONFIG = """
version: 1
pools:
  work:
    kind: jobs
    command: [python3, -S, "{worker}"]
    workers: 3
    cpu: none
    restart: {{delay: 1ms, max_delay: 1ms}}
    job: {{attempts: 1000, delay: 1ms, max_delay: 1ms}}
"""
WORKER = """
import sys, json
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps({"id": job["id"], "result": job["input"] * 2}), flush=True)
"""


class Daemon:
    """piniond, started again in the same folders after each kill."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "worker.py").write_text(WORKER)
        (folder / "pinion.yaml").write_text(CONFIG.format(worker=folder / "worker.py"))
        self.log = open(folder / "log", "ab")
        self.start()

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
            if self.ctl("wait", "--ready", "work", "--timeout", "10s").returncode == 0:
                return
            if self.process.poll() is not None:
                raise SystemExit(f"piniond ended with {self.process.returncode}:\n" + self.tail())
        raise SystemExit("piniond is not ready:\n" + self.tail())

    def worker_pids(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in pathlib.Path(path).read_text().split()]

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


def read_store(folder):
    database = sqlite3.connect(f"file:{folder}/state/jobs/jobs.db?mode=ro", uri=True)
    columns = [row[1] for row in database.execute("PRAGMA table_info(finished)")]
    job, state, result = columns.index("id"), columns.index("state"), columns.index("result")
    finished = [(row[job], row[state], row[result]) for row in database.execute("SELECT * FROM finished")]
    live = database.execute("SELECT count(*) FROM live").fetchone()[0]
    database.close()
    return finished, live


def main():
    print(f"seed {SEED}, {KILLS} kills")
    dice = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="pinion-") as name:
        daemon = Daemon(pathlib.Path(name))
        daemon.wait_ready()
        acknowledged = {}
        daemon_kills = 0
        value = 0
        for kill in range(KILLS):
            inputs = [str(value + i) for i in range(dice.randrange(1, 40))]
            value += len(inputs)
            submit = subprocess.Popen([BIN / "pinionctl", "--runtime-dir", daemon.folder / "run", "submit", "work", *inputs],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            by_daemon = dice.random() < 0.3
            if dice.random() < 0.5:
                submit_ids = submit.communicate(timeout=PATIENCE)[0].split()
                time.sleep(dice.random() * 0.02)  # what is killed is not to be at rest always
                daemon.kill() if by_daemon else kill_a_worker(daemon, dice)
            else:
                daemon.kill() if by_daemon else kill_a_worker(daemon, dice)
                submit_ids = submit.communicate(timeout=PATIENCE)[0].split()
            for job, text in zip(submit_ids, inputs):
                if int(job) in acknowledged:
                    raise SystemExit(f"job {job} was given twice")
                acknowledged[int(job)] = int(text)
            if by_daemon:
                daemon_kills += 1
                daemon.start()
                daemon.wait_ready()
        daemon.wait_ready()
        wait = daemon.ctl("wait", str(max(acknowledged)), "--timeout", "60s")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            jobs = daemon.ctl("jobs", "list", "work", "--json")
            waiting = [job for job in json.loads(jobs.stdout)["jobs"] if job["state"] not in ("done", "failed", "cancelled")]
            if not waiting:
                break
        daemon.stop()
        finished, live = read_store(daemon.folder)
        print(f"{len(acknowledged)} acknowledged, {len(finished)} ended, {daemon_kills} kills of the daemon")
        ids = [job for job, _, _ in finished]
        wrong = []
        if len(ids) != len(set(ids)):
            wrong.append("a job ended twice")
        if live != 0:
            wrong.append(f"{live} jobs never ended (wait said {wait.returncode}: {wait.stderr.strip()})")
        ends = {job: (state, result) for job, state, result in finished}
        for job, text in acknowledged.items():
            state, result = ends.get(job, (None, None))
            if state != DONE:
                wrong.append(f"job {job}: state {state}")
            elif json.loads(result) != 2 * text:
                wrong.append(f"job {job}: {text} became {result!r}")
        if wrong:
            raise SystemExit("\n".join(wrong[:20]) + "\n" + daemon.tail())


if __name__ == "__main__":
    main()
