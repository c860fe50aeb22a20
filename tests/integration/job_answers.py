# SPDX-License-Identifier: Apache-2.0
"""The answers of the commands about jobs, for schemas_test.py: a daemon whose jobs are in every state, and what is asked of it."""
import json
import os
import subprocess
import time

from live_daemon import PATIENCE

# Answers as it is told to; "stay" tells how far it is and goes on for ever, "slow" takes so long that a map has a rate.
WORKER = """
import json, os, sys, time
for line in sys.stdin:
    job = json.loads(line)
    told = job["input"]
    if told == "die":
        print("about to die", flush=True)
        os.kill(os.getpid(), 9)
    if told == "leave":
        sys.exit(3)
    if told == "stay":
        print(json.dumps({"id": job["id"], "progress": 0.4, "note": "two of five"}), flush=True)
        time.sleep(1000)
    if told == "slow":
        time.sleep(0.3)
    answer = {"error": {"type": "bad", "message": "no good"}} if told == "err" else {"result": told}
    print(json.dumps({"id": job["id"]} | answer), flush=True)
"""


def config(folder):
    """The configuration; writes the worker beside it."""
    worker = os.path.join(folder, "worker.py")
    with open(worker, "w", encoding="utf-8") as file:
        file.write(WORKER)
    shared = f"kind: jobs, command: [python3, -S, '{worker}'], restart: {{delay: 1ms, max_delay: 1ms}}"
    return (
        "version: 1\nsemaphores: {gate: 1}\npools:\n"
        f"  work: {{{shared}, workers: 1, job: {{attempts: 2, delay: 1ms, timeout: 1h}}}}\n"
        f"  gated: {{{shared}, workers: 2, cpu: none, job: {{attempts: 1, semaphores: {{gate: 1}}}}, queue: {{durability: memory}}}}\n"
        "  plain: {kind: jobs, command: [cat], payload: raw, cpu: none, queue: {durability: os}}\n")


def rows(asker, schema, *words, code=0):
    """The JSON lines that a command answers with, each valid, and what it wrote on standard error."""
    done = subprocess.run(asker.daemon.command(*words, "--json"), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode == code, f"pinionctl {' '.join(words)}: exit {done.returncode}, {done.stderr}"
    answers = [asker.check(schema, line, words) for line in done.stdout.splitlines()]
    assert answers, f"pinionctl {' '.join(words)}: no answer"
    return answers, done.stderr


def submit(asker, *words):
    return [row["id"] for row in rows(asker, "submitted", "submit", *words)[0]]


def job(asker, number):
    return asker.ask("job", "jobs", "show", str(number))["job"]


def until_it_runs(asker, number):
    deadline = time.monotonic() + PATIENCE
    while "note" not in (found := job(asker, number)).get("running", {}):
        assert time.monotonic() < deadline, found
    return found


def maps(asker):
    results, _ = rows(asker, "result", "map", "work", "7", "err", "die", "leave", code=1)
    assert [row["state"] for row in results] == ["done", "failed", "failed", "failed"], results
    assert [row["attempts"] for row in results] == [1, 2, 2, 2], results
    died = [job(asker, row["id"])["attempts"][-1]["death"] for row in results[2:]]
    assert [(death.get("signal"), death.get("exit")) for death in died] == [(9, None), (None, 3)], died
    assert died[0]["last_lines"] == ["about to die"], died
    refused = job(asker, results[1]["id"])["attempts"]
    assert [attempt["error"]["type"] for attempt in refused] == ["bad"] * 2, refused
    lines = rows(asker, "job-log-line", "jobs", "log", str(results[2]["id"]))[0]
    assert [line["attempt"] for line in lines if line["text"] == "about to die"] == [1, 2], lines
    rows(asker, "result", "map", "plain", "a line")
    # Long enough for a rate, which tells what is left.
    _, progress = rows(asker, "result", "map", "work", *["slow"] * 10, "--name", "film", "--progress=json")
    told = [asker.check("map-progress", line, ["map"]) for line in progress.splitlines()]
    assert told[-1]["finished"] == told[-1]["total"] == 10 and "cpu_usec" in told[-1], told
    film = asker.ask("jobs", "jobs", "list", "film")
    assert [item["index"] for item in film["jobs"]] == list(range(10)) and not film["more"], film
    assert job(asker, film["jobs"][0]["id"])["map_name"] == "film"
    assert asker.ask("jobs", "jobs", "list", "--limit", "1")["more"]
    again = rows(asker, "submitted", "jobs", "retry", str(results[1]["id"]), code=0)[0][0]
    assert job(asker, again["id"])["retry_of"] == results[1]["id"]
    rows(asker, "result", "result", str(again["id"]), code=1)
    assert asker.ask("done", "wait", str(results[0]["id"]))["ok"]
    assert not asker.ask("done", "wait", str(again["id"]), code=1)["ok"]
    assert asker.ask("why", "why", str(again["id"]))["state"] == "failed"


def durabilities(asker):
    """A client is told how safe what it gave is, by the pool it gave it to."""
    for pool, durability in (("work", "fsync"), ("plain", "os"), ("gated", "memory")):
        told = rows(asker, "submitted", "submit", pool, "1", "2")[0]
        assert [row["durability"] for row in told] == [durability] * 2, told


def queues(asker):
    asker.ask("done", "queue", "pause", "work")
    waits, = submit(asker, "work", "1", "--key", "k")
    assert job(asker, waits)["key"] == "k"
    assert "paused" in asker.ask("why", "why", str(waits))["why"]
    asker.ask("done", "queue", "resume", "work")
    later, = submit(asker, "work", "1", "--delay", "1h")
    assert job(asker, later)["not_before_usec"] > job(asker, later)["queued_usec"]
    assert asker.ask("why", "why", str(later))["state"] == "delayed"
    assert asker.ask("done", "jobs", "cancel", str(later))["ok"]
    # Its end is on its way to the disk; until it is there it may be cancelled once more.
    assert not asker.ask("done", "wait", str(later), code=1)["ok"]
    assert not asker.ask("done", "jobs", "cancel", str(later), code=1)["ok"]
    assert job(asker, later)["error"]["type"] == "cancelled"
    # One holds the permit, the other waits for it.
    holds, stands = submit(asker, "gated", "stay", "1")
    until_it_runs(asker, holds)
    assert "gate" in asker.ask("why", "why", str(stands))["why"]
    asker.ask("done", "jobs", "cancel", str(holds))
    stays, = submit(asker, "work", "stay")
    running = until_it_runs(asker, stays)["running"]
    assert running["progress"] == 0.4 and running["deadline_usec"] - running["started_usec"] == 3600 * 10**6, running
    assert [item["id"] for item in asker.ask("jobs", "jobs", "list", "work", "--state", "running")["jobs"]] == [stays]
    asker.ask("done", "queue", "drain", "work")
    asker.ask("done", "jobs", "cancel", str(stays))


def look_at_jobs(asker):
    maps(asker)
    durabilities(asker)
    queues(asker)
