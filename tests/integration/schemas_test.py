#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every answer that pinionctl has for programs, from a daemon whose pools are in every state, against its schema.

The schemas as they ship allow further members, as the promise to their readers goes. Here they are closed: a member that an
answer has and its schema has not fails the test, and so does one of a schema that no answer has.
usage: schemas_test.py FOLDER_OF_BINARIES FOLDER_OF_SCHEMAS MANUAL
"""
import json
import os
import pathlib
import subprocess
import sys

from jsonschema import Draft7Validator, RefResolver, ValidationError, validators

import job_answers
from live_daemon import PATIENCE, LiveDaemon

IDLE = "command: [tail, -f, /dev/null], cpu: none"
POOLS = {
    "web": f"{IDLE}, workers: 2",
    "soft": "command: [tail, -f, /dev/null]",
    "slow": f"{IDLE}, start: {{ready: notify, timeout: 1h}}",
    "next": f"{IDLE}, start: {{after: [slow]}}",
    "held": IDLE,
    "lost": "command: [/nonexistent], restart: {delay: 1h, max_delay: 1h}",
    "backoff": "command: [sh, -c, 'exit 3'], restart: {delay: 1h, max_delay: 1h}",
    "fatal": "command: [sh, -c, 'echo no database; exit 4'], restart: {fatal: [4]}",
    "ended": 'command: ["true"], restart: {policy: never}',
    # Answers one job and no more, so that there are such that wait.
    "queue": "kind: jobs, payload: raw, prefetch: 1, command: [sh, -c, 'read x; echo $$x; exec sleep 1000'], "
             "workers: 1, cpu: none, queue: {durability: memory}, inputs: [a, b, c, d]",
    "huge": "command: [tail, -f, /dev/null], workers: 64, cpu: 512 cores",
}
BAD = "version: 1\npools:\n  web: {comand: [a], workers: many}\n"

# Members that none of the answers below can have, and why.
UNSEEN = {
    "PINION_OOM_KILLED": "wants a machine short of memory",
    "PINION_DROPPED_LINES": "wants a worker that floods a stalled log",
    "quota": "wants a cgroup with a quota",
}


def text(pools):
    return "version: 1\npools:\n" + "".join(f"  {name}: {{{keys}}}\n" for name, keys in pools.items())


def closed(schema):
    """The same with every object closed that names its members."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        parts.setdefault("additionalProperties", False)
    return parts


class Schemas:
    def __init__(self, folder):
        self.base = "file://" + os.path.abspath(folder) + "/"
        self.store = {}
        self.used = set()
        self.seen = set()
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                schema = json.load(file)
            Draft7Validator.check_schema(schema)
            # Whoever follows a reference to a schema that names its dialect forgets our way of reading members.
            assert schema.pop("$schema") == Draft7Validator.META_SCHEMA["$schema"], name
            self.store[self.base + name] = closed(schema)
        self.validator = validators.extend(Draft7Validator, {"properties": self.properties})

    def properties(self, validator, properties, instance, schema):
        if isinstance(instance, dict):
            self.seen |= {(id(properties), name) for name in instance}
        yield from Draft7Validator.VALIDATORS["properties"](validator, properties, instance, schema)

    def validate(self, name, answer):
        uri = f"{self.base}{name}.schema.json"
        self.used.add(uri)
        resolver = RefResolver(uri, self.store[uri], store=self.store)
        self.validator(self.store[uri], resolver=resolver).validate(answer)

    def unseen(self):
        """Each member of a schema that no answer had, as "FILE: MEMBER"."""
        return [f"{os.path.basename(uri)}: {name}" for uri, schema in self.store.items() for properties in named(schema)
                for name in properties if (id(properties), name) not in self.seen and name not in UNSEEN]


def named(schema):
    """Every table of members in a schema."""
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict) and schema.get("type") == "object" and "properties" in schema:
        yield schema["properties"]
    for part in parts:
        yield from named(part)


class Asker:
    def __init__(self, daemon, schemas):
        self.daemon = daemon
        self.schemas = schemas

    def check(self, schema, line, words):
        try:
            answer = json.loads(line)
            self.schemas.validate(schema, answer)
        except (ValueError, ValidationError) as error:
            raise AssertionError(f"pinionctl {' '.join(words)}: {error}") from error
        return answer

    def ask(self, schema, *words, code=0):
        """The one document that a command answers with, valid."""
        done = self.daemon.ctl(*words, "--json")
        if done.returncode != code or done.stdout.count("\n") != 1:
            raise AssertionError(f"pinionctl {' '.join(words)}: exit {done.returncode}, {done.stderr or done.stdout}")
        return self.check(schema, done.stdout, words)

    def lines(self, schema, *words):
        """The JSON lines of a command, each valid."""
        done = self.daemon.ctl(*words, "-o", "jsonl")
        answers = [self.check(schema, line, words) for line in done.stdout.splitlines()]
        if done.returncode != 0 or not answers:
            raise AssertionError(f"pinionctl {' '.join(words)}: exit {done.returncode}, {done.stderr}")
        return answers


def settle(daemon):
    """Until each pool is in the state that it is here for."""
    daemon.ctl("stop", "held")
    wanted = {"web": "running", "soft": "running", "slow": "starting", "next": "starting", "held": "stopped", "lost": "degraded",
              "backoff": "degraded", "fatal": "failed", "ended": "completed", "huge": "failed",
              "queue": "running"}
    daemon.until("every state", lambda pools: wanted == {name: pool["state"] for name, pool in pools.items()}
                 and pools["queue"].keys() >= {"oldest_ready_usec", "jobs_p95_usec"} and pools["backoff"]["exits"] == 2 and pools["lost"]["exits"] == 2)


def look(asker):
    asker.ask("status", "status")
    pool, = asker.ask("status", "status", "web")["pools"]
    assert len(asker.lines("pool", "status")) == len(POOLS)
    watcher = subprocess.Popen(asker.daemon.command("status", "--watch", "--json"), stdout=subprocess.PIPE, text=True)
    asker.check("status", watcher.stdout.readline(), ["status", "--watch"])
    watcher.terminate()
    watcher.wait(PATIENCE)
    watcher.stdout.close()
    # Everything that there is to be known of a pool and of a worker, but the one's list of the others.
    assert asker.ask("show", "show", "web").keys() == pool.keys() - {"workers"} | {"version"}
    assert asker.ask("show", "show", "queue")["jobs_done"] == 1
    assert asker.ask("show", "show", "web/1").keys() == pool["workers"][1].keys() | {"version"}
    assert asker.ask("show", "show", "web/1", "-p", "Pid").keys() == {"version", "pid"}
    for worker in ("web/1", "lost/0", "backoff/0", "fatal/0", "next/0"):
        asker.ask("explain", "explain", worker)
    assert all(asker.ask("explain", "explain", worker)["seat_reason"] for worker in ("web/1", "soft/0"))
    pins = asker.ask("pins", "status", "--pins")["pins"]
    assert {pin["worker"] for pin in pins} >= {"web/0", "web/1", "soft/0"} and not any(pin["drifts"] for pin in pins), pins
    asker.lines("log-line", "logs", "fatal")


def plan(asker):
    daemon = asker.daemon
    other = text(POOLS | {"soft": "command: [cat], workers: 2"})
    for name, config in {"bad": BAD, "new": other, "good": text({"web": IDLE})}.items():
        with open(daemon.path(name + ".yaml"), "w", encoding="utf-8") as file:
            file.write(config)
    assert not asker.ask("check", "check", daemon.path("bad.yaml"), code=1)["ok"]
    assert asker.ask("check", "check", daemon.path("good.yaml"))["ok"]
    refused = asker.ask("plan", "plan", code=1)
    assert refused["errors"] and not refused["changed"], refused
    asker.ask("plan", "plan", daemon.path("good.yaml"))
    asker.ask("plan", "plan", daemon.path("bad.yaml"), code=1)
    topology = ["--topology", "package:1 core:4 pu:1"]
    changes = asker.ask("plan", "plan", daemon.path("new.yaml"), "--against", daemon.config, *topology, code=1)["changes"]
    assert [(change["pool"], change["change"]) for change in changes] == [("soft", "replaced")], changes
    pathlib.Path(daemon.path("permits.yaml")).write_text("version: 1\nsemaphores: {gpu: 2}\npools: {}\n", encoding="utf-8")
    permits = asker.ask("plan", "plan", daemon.path("permits.yaml"), "--against", daemon.path("good.yaml"), *topology)
    assert permits["semaphores"] == ["semaphore 'gpu' added: 2 permits"] and permits["changed"], permits
    asker.ask("plan-explain", "plan", daemon.path("good.yaml"), "--explain", "web/0")
    seats(asker)
    asker.ask("cat", "cat", "--config", daemon.path("good.yaml"))


def seats(asker):
    """A lock, what differs from it, and why a seat is not the first choice."""
    pools = {"api": "command: [cat], workers: 2, cpu: 1 core", "db": "command: [cat], cpu: {seats: ['0']}"}
    path = asker.daemon.path("seats.yaml")
    topology = ["--topology", "package:1 core:4 pu:1"]
    for config in (pools, pools | {"db": "command: [cat], cpu: {seats: ['3']}"}):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text(config))
        if config is pools:
            assert asker.ask("plan", "plan", path, *topology, "--lock")["lock"] == asker.daemon.path("seats.lock")
            assert not asker.ask("plan-check", "plan", path, "--check")["changed"]
            better = asker.ask("plan-explain", "plan", path, *topology, "--explain", "api/0")["better"]
            assert better == [{"cpus": "0", "obstacles": [{"kind": "held", "cpus": "0", "worker": "db/0"}]}], better
    changes = asker.ask("plan-check", "plan", path, "--check", code=1)["changes"]
    assert [(change["worker"], change["from"], change["to"]) for change in changes] == [
        ("api/0", "1", "0"), ("api/1", "2", "1"), ("db/0", "0", "3")], changes
    with open(path, "w", encoding="utf-8") as file:
        file.write(text(pools | {"huge": POOLS["huge"]}))
    error, = asker.ask("plan-check", "plan", path, "--check", code=1)["errors"]
    account = error["account"]
    held = sum(holder["units"] for holder in account["holders"])
    assert held == 3 and account["total"] == account["reserved"] + held + account["free"], error
    assert error["wanted"] == account["free"] + error["missing"], error
    with open(path, "w", encoding="utf-8") as file:
        file.write(text({"wide": "command: [cat], cpu: 3 cores"}))
    warnings = asker.ask("plan", "plan", path, "--topology", "package:2 core:2 pu:1")["warnings"]
    assert [(note["slots"], note["levels"]) for note in warnings if note["code"] == "W_STRADDLE"] == [([0], ["package"])], warnings


def act(asker):
    assert asker.ask("kill", "kill", "-s", "KILL", "web/0")["signalled"] == 1
    asker.ask("done", "wait", "--ready", "web")
    asker.ask("done", "restart", "web")
    asker.ask("done", "scale", "web", "3")
    asker.ask("done", "stop", "web/2")
    asker.ask("done", "start", "web")
    asker.ask("done", "wait", "ended")
    assert not asker.ask("done", "wait", "fatal", code=3)["ok"]
    assert not asker.ask("reload", "reload")["changed"]
    asker.daemon.save(BAD)
    assert "comand" in asker.ask("reload", "reload", code=1)["error"]
    # A saved file is applied at once: whether this word or that was first can't be known.
    asker.daemon.save(text({"web": f"{IDLE}, workers: 1"}))
    asker.ask("reload", "reload")
    asker.daemon.until("the reload", lambda pools: list(pools) == ["web"] and len(pools["web"]["workers"]) == 1)


def expect_named(schemas, manual):
    """The manual names each schema that an answer has."""
    with open(manual, encoding="utf-8") as file:
        page = file.read()
    for uri in schemas.used:
        name = os.path.basename(uri).removesuffix(".schema.json")
        assert f"_{name}_" in page, f"{manual} does not name the schema '{name}'"


def main():
    binaries, folder, manual = sys.argv[1:]
    schemas = Schemas(folder)
    with LiveDaemon(binaries, text(POOLS)) as daemon:
        asker = Asker(daemon, schemas)
        settle(daemon)
        look(asker)
        plan(asker)
        act(asker)
        asker.lines("event", "events")
        for event in daemon.seen:
            asker.check("event", json.dumps(event), ["events", "--follow"])
    with LiveDaemon(binaries, "version: 1\n") as daemon:
        # The worker's program stands in the daemon's own folder.
        daemon.save(job_answers.config(daemon.folder))
        daemon.until("job pools", lambda pools: {"work", "gated", "plain"} == pools.keys())
        job_answers.look_at_jobs(Asker(daemon, schemas))
    of_parts = {schemas.base + "worker.schema.json"}  # part of others' answers, nobody's own
    assert schemas.used | of_parts == set(schemas.store), set(schemas.store) - schemas.used
    expect_named(schemas, manual)
    assert not schemas.unseen(), "in the schemas, but in no answer: " + ", ".join(schemas.unseen())
    print("passed")


main()
