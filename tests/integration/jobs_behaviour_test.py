#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Job pools whose workers, clients and configuration misbehave or change: jobs_behaviour_test.py BIN_FOLDER SOURCE_FOLDER"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from job_socket import Client  # noqa: E402
from jobs_test import PATIENCE, Daemon, config, is_alive  # noqa: E402

# Does what its input says.
ROGUE = r"""
import json, os, subprocess, sys, time
def answer(job, result):
    print(json.dumps({"id": job["id"], "result": result}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    wish = job["input"]
    if isinstance(wish, dict):
        ((wish, word),) = wish.items()
    if wish == "gate":
        open(word).read()
    elif wish == "note":
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(word + " ")
    elif wish == "sleep":
        time.sleep(word)
    elif wish == "large":
        wish = "x" * word
    elif wish == "twice":
        answer(job, "first")
    elif wish == "unknown":
        answer({"id": 999999999}, "whose")
    elif wish == "half":
        os.write(1, json.dumps({"id": job["id"], "result": 1}).encode())
        os._exit(0)
    elif wish == "garbage":
        os.write(1, bytes(range(256)) + b"\n")
    elif wish == "huge":
        os.write(1, b'{"id":%d,"result":"' % job["id"])
        for _ in range(100):
            os.write(1, b"x" * (1 << 20))
        os.write(1, b'"}\n')
        continue
    elif wish == "never":
        time.sleep(1000)
    elif wish == "mute":
        os.close(1)
        time.sleep(1000)
    elif wish == "die":
        os.kill(os.getpid(), 9)
    elif wish == "kill the daemon":
        open(word).read()
        if open(f"/proc/{os.getppid()}/comm").read() == "piniond\n":
            os.kill(os.getppid(), 9)
        time.sleep(1000)
    elif wish == "tree":
        script = "import os,sys,time; os.setsid(); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1000)"
        subprocess.Popen([sys.executable, "-S", "-c", script, word])
        time.sleep(1000)
    elif wish == "error":
        print(json.dumps({"id": job["id"], "error": {"type": "bad", "message": "no", "retry": False}}), flush=True)
        continue
    answer(job, wish)
"""
BODY = """
    kind: jobs
    command: [python3, -S, "@ROGUE@"]
    cpu: none
    env: {NOTES: "@NOTES@"}
    restart: {delay: 1ms, max_delay: 1ms}
"""
MEMORY = "    queue: {durability: memory}\n"


class RogueDaemon(Daemon):
    def __init__(self, text, holder=None):
        self.text = text
        super().__init__(text, holder)

    def start(self):
        (self.folder / "rogue.py").write_text(ROGUE)
        self.notes = self.folder / "notes"
        self.save(self.text)
        super().start()

    def save(self, text):
        text = text.replace("@ROGUE@", str(self.folder / "rogue.py")).replace("@NOTES@", str(self.notes))
        new = self.folder / "pinion.yaml.new"
        new.write_text(text)
        new.rename(self.folder / "pinion.yaml")

    def reload(self, text):
        self.save(text)
        answer = self.ctl("reload")
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def gate(self, name="gate"):
        os.mkfifo(self.folder / name)
        return str(self.folder / name)

    def open_gate(self, gate):
        pathlib.Path(gate).write_text("go")

    def submit(self, pool, *inputs, options=()):
        answer = self.ctl("submit", pool, *map(json.dumps, inputs), *options)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.split()

    def pools(self):
        return {row["name"]: row for row in json.loads(self.ctl("status", "--json").stdout)["pools"]}

    def figures(self, pool):
        return {key.removeprefix("jobs_"): value for key, value in self.pools()[pool].items() if key.startswith("jobs_")}

    def left(self, pool):
        figures = self.figures(pool)
        return figures["running"] + figures["ready"] + figures["delayed"]

    def states(self, *ids):
        return [self.job(number)["state"] for number in ids]

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) << 10


def one(name="p", more="", workers=1):
    return f"  {name}:{BODY}    workers: {workers}\n" + more


class Rogues(unittest.TestCase):
    """One daemon, one pool, two attempts: whatever a worker does, the next job is done."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = RogueDaemon(config(one(more="    job: {attempts: 2, delay: 1ms}\n"),
                                        one("timed", "    job: {attempts: 1, timeout: 200ms}\n"),
                                        one("tree"),
                                        # Long enough for Python to start twice.
                                        one("timed-tree", "    job: {attempts: 1, timeout: 2s}\n"),
                                        one("raw", "    payload: raw\n    job: {attempts: 2, delay: 1ms}\n").replace(
                                            'python3, -S, "@ROGUE@"', "sh, -c, 'while read line; do echo $$line; [ $$line != two ] "
                                            "|| echo surplus; done'")))

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def row(self, wish, pool="p"):
        answer = self.daemon.map(pool, json.dumps(wish), "--json")
        return json.loads(answer.stdout)

    def fails(self, wish, words, attempts=2):
        row = self.row(wish)
        self.assertEqual((row["state"], row["attempts"]), ("failed", attempts), row)
        self.assertIn(words, json.dumps(row["error"]))
        self.assertEqual(self.row("next")["result"], "next", "the pool lives")
        return self.daemon.job(row["id"])

    def test_one_that_answers_twice_is_believed_once(self):
        self.assertEqual(self.row("twice")["result"], "first")

    def test_answers_for_others_and_garbage_are_output(self):
        self.assertEqual(self.row("unknown")["result"], "unknown")
        self.assertEqual(self.row("garbage")["result"], "garbage")
        self.assertIn("whose", self.daemon.log())

    def test_half_an_answer_is_none(self):
        self.fails("half", "the worker died")

    def test_a_line_of_a_hundred_megabytes_is_too_large(self):
        before = self.daemon.rss()
        self.fails("huge", "too_large", attempts=1)
        self.assertLess(self.daemon.rss() - before, 40 << 20)

    def test_one_that_closes_its_output_and_lives_on_is_killed(self):
        job = self.fails("mute", "the worker died")
        self.assertIn("SIGKILL", json.dumps(job["attempts"]))

    def test_one_that_never_answers_is_timed_out(self):
        row = self.row("never", "timed")
        self.assertEqual(row["error"]["type"], "timeout")

    def test_a_poison_job_fails_alone_with_its_deaths_on_record(self):
        answer = self.daemon.map("p", '"a"', '"die"', '"b"', '"c"', "--json")
        rows = [json.loads(line) for line in answer.stdout.splitlines()]
        self.assertEqual([row["state"] for row in rows], ["done", "failed", "done", "done"])
        attempts = self.daemon.job(rows[1]["id"])["attempts"]
        self.assertEqual([attempt["outcome"] for attempt in attempts], ["crash", "crash"])
        for attempt in attempts:
            self.assertEqual(attempt["death"]["signal"], signal.SIGKILL)

    def test_a_surplus_raw_line_ends_the_worker_and_not_the_pool(self):
        answer = self.daemon.map("raw", "one", "two", "three", "four", "--json")
        rows = [json.loads(line) for line in answer.stdout.splitlines()]
        self.assertEqual(len(rows), 4)
        self.assertEqual([row["result"] for row in rows if row["state"] == "done"][:2], ["one", "two"])
        self.assertEqual(self.daemon.map("raw", "five", "--raw").stdout, "five\n")

    def test_a_timeout_reaches_what_has_left_its_session(self):
        file = self.daemon.folder / "timed"
        row = self.row({"tree": str(file)}, "timed-tree")
        self.assertEqual(row["error"]["type"], "timeout")
        child = int(file.read_text())
        self.daemon.wait_until(lambda: not is_alive(child))

    def test_a_cancel_reaches_what_has_left_its_session(self):
        file = self.daemon.folder / "left"
        number = self.daemon.submit("tree", {"tree": str(file)})[0]
        self.daemon.wait_until(lambda: file.exists() and file.read_text())
        child = int(file.read_text())
        self.daemon.ctl("jobs", "cancel", number)
        self.daemon.ctl("wait", number)
        self.assertEqual(self.daemon.states(number), ["cancelled"])
        self.daemon.wait_until(lambda: not is_alive(child))


class Poison(unittest.TestCase):
    def test_a_job_that_takes_the_daemon_down_fails_after_its_attempts_and_charges_no_other(self):
        with RogueDaemon(config(one(more="    job: {attempts: 3, delay: 1ms}\n"))) as daemon:
            gate = daemon.gate()
            poison, *others = daemon.submit("p", {"kill the daemon": gate}, *range(20))
            for _ in range(3):
                daemon.wait_until(lambda: daemon.states(poison) == ["running"])
                # What is acknowledged later than a claim is on disk later, too.
                others += daemon.submit("p", "later")
                daemon.open_gate(gate)
                self.assertEqual(daemon.process.wait(PATIENCE), -signal.SIGKILL)
                daemon.start()
            self.assertEqual(daemon.ctl("wait", *others).returncode, 0)
            job = daemon.job(poison)
            self.assertEqual((job["state"], [attempt["outcome"] for attempt in job["attempts"]]), ("failed", ["lost"] * 3), job)
            self.assertEqual({attempt["outcome"] for number in others for attempt in daemon.job(number)["attempts"]}, {"done"})


class LastWords(unittest.TestCase):
    """What a worker wrote is read when its end is found, with its pidfd and its pipe ready at once."""

    def rows(self, script, jobs, workers):
        raw = one(more="    payload: raw\n    job: {attempts: 1}\n", workers=workers)
        with RogueDaemon(config(raw.replace('python3, -S, "@ROGUE@"', f"sh, -c, '{script}'"))) as daemon:
            answer = daemon.map("p", *map(str, range(jobs)), "--json")
            daemon.wait_until(lambda: daemon.pools()["p"]["running"] == workers)
            return [json.loads(line) for line in answer.stdout.splitlines()]

    def test_a_surplus_line_and_an_end_at_once(self):
        rows = self.rows("read line; echo $$line; echo surplus", jobs=50, workers=2)
        self.assertEqual(len(rows), 50)
        self.assertGreater([row["state"] for row in rows].count("done"), 0)

    def test_an_answer_and_an_end_at_once_of_one_that_closed_its_input_long_ago(self):
        rows = self.rows("read line; exec 0<&-; sleep 1.2; echo $$line", jobs=4, workers=4)
        self.assertEqual([row["state"] for row in rows], ["done"] * 4)


class Inputs(unittest.TestCase):
    """Jobs that the configuration declares: once for the same inputs, whatever happens meanwhile."""
    RECORD = "p: its inputs completed: "

    def pool(self, *inputs):
        return config(one(more=f"    prefetch: 1\n    inputs: {json.dumps(inputs)}\n"))

    def records(self, daemon):
        return [line.split(self.RECORD)[1] for line in daemon.log().splitlines() if self.RECORD in line]

    def states(self, daemon):
        return [job["state"] for job in json.loads(daemon.ctl("jobs", "list", "p", "--json").stdout)["jobs"]]

    def until_recorded(self, daemon, count):
        daemon.wait_until(lambda: len(self.records(daemon)) >= count)

    def test_are_done_once_over_a_kill_and_that_is_on_record_once(self):
        with tempfile.TemporaryDirectory(prefix="pinion-") as folder:
            gate = str(pathlib.Path(folder) / "gate")
            os.mkfifo(gate)
            with RogueDaemon(self.pool({"note": "a"}, {"gate": gate}, {"note": "b"})) as daemon:
                daemon.wait_until(lambda: sorted(self.states(daemon)) == ["done", "queued", "running"])
                daemon.kill()
                daemon.start()
                self.assertEqual(self.records(daemon), [])
                daemon.open_gate(gate)
                self.until_recorded(daemon, 1)
                daemon.kill()
                daemon.start()
                daemon.submit("p", {"note": "c"})
                daemon.wait_until(lambda: daemon.notes.read_text() == "a b c ")
                self.assertEqual(self.records(daemon), ["2 done, 0 failed, 0 cancelled; 1 before this start"])

    def test_that_change_are_others_and_the_first_ones_are_not_done_again(self):
        with RogueDaemon(self.pool({"note": "a"}, {"note": "b"})) as daemon:
            self.until_recorded(daemon, 1)
            daemon.reload(self.pool({"note": "a"}, {"note": "b"}, {"note": "c"}))
            self.until_recorded(daemon, 2)
            self.assertEqual(daemon.notes.read_text(), "a b a b c ", "it is another list")
            daemon.reload(self.pool({"note": "a"}, {"note": "b"}))
            daemon.submit("p", {"note": "d"})
            daemon.wait_until(lambda: daemon.notes.read_text() == "a b a b c d ")
            self.assertEqual(self.records(daemon), ["2 done, 0 failed, 0 cancelled", "3 done, 0 failed, 0 cancelled"])


class Queues(unittest.TestCase):
    """One daemon with a worker behind a gate."""

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def start(self, *pools, head=""):
        return self.stack.enter_context(RogueDaemon(config(*pools, head=head)))

    def test_pause_drain_and_priorities(self):
        daemon = self.start(one(more="    job: {timeout: 400ms, attempts: 1}\n    prefetch: 1\n"))
        late = daemon.submit("p", "never")[0]
        daemon.wait_until(lambda: daemon.states(late) == ["running"])
        daemon.ctl("queue", "pause", "p")
        waiting = daemon.submit("p", {"note": "low"}, options=("--priority", "1"))
        waiting += daemon.submit("p", {"note": "high"}, options=("--priority", "9"))
        waiting += daemon.submit("p", {"note": "middle"})
        daemon.ctl("wait", late)
        self.assertEqual(daemon.job(late)["attempts"][0]["outcome"], "timeout", "what runs is timed, paused or not")
        self.assertEqual(daemon.states(*waiting), ["queued"] * 3)
        self.assertIn("paused", daemon.ctl("why", waiting[0]).stdout)
        daemon.wait_until(lambda: daemon.pools()["p"]["state"] == "paused")
        note = daemon.pools()["p"]["note"]
        who = "root" if os.getuid() == 0 else f"uid {os.getuid()}"
        self.assertRegex(note, f"^paused by {who} at ([0-9-]{{10}} )?[0-9]{{2}}:[0-9]{{2}}$")
        daemon.kill()
        daemon.start()
        daemon.wait_until(lambda: daemon.pools()["p"]["state"] == "paused")
        again = daemon.pools()["p"]["note"]
        self.assertEqual((again.split()[:4], again.split()[-1]), (note.split()[:4], note.split()[-1]), "as the store has it")
        daemon.ctl("queue", "drain", "p")
        refused = daemon.ctl("submit", "p", "1")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("its queue is being drained", refused.stderr)
        daemon.ctl("wait", *waiting)
        self.assertEqual(daemon.notes.read_text(), "high middle low ")
        daemon.ctl("queue", "resume", "p")
        daemon.submit("p", "1")

    def test_a_full_queue_refuses_or_waits_and_takes_maps_of_any_size(self):
        daemon = self.start(one(more="    queue: {capacity: 10}\n    prefetch: 1\n"))
        gate = daemon.gate()
        held = daemon.submit("p", {"gate": gate})[0]
        daemon.wait_until(lambda: daemon.figures("p")["running"] == 1)
        header, row = daemon.ctl("status", "p").stdout.splitlines()[:2]
        self.assertEqual(row.split()[header.split().index("JOB")], held)
        daemon.submit("p", *range(10))
        refused = daemon.ctl("submit", "p", "1")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("queue is full", refused.stderr)
        waits = subprocess.Popen(daemon.ctl_command("submit", "p", "--wait", "1"), stdout=subprocess.PIPE, text=True)
        large = subprocess.Popen(daemon.ctl_command("map", "p", *map(str, range(200))), stdout=subprocess.PIPE, text=True)
        daemon.open_gate(gate)
        self.assertEqual(large.communicate(timeout=PATIENCE)[0].split(), [str(i) for i in range(200)])
        self.assertTrue(waits.communicate(timeout=PATIENCE)[0].strip())

    def test_keys_names_and_retries(self):
        daemon = self.start(one())
        first = daemon.submit("p", 1, options=("--key", "k"))
        self.assertEqual(daemon.map("p", "1", "2", "--name", "reel").stdout, "1\n2\n")
        daemon.kill()
        daemon.start()
        self.assertEqual(daemon.submit("p", 1, options=("--key", "k")), first, "after kill -9, too")
        other = daemon.map("p", "1", "3", "--name", "reel")
        self.assertEqual(other.returncode, 1)
        self.assertIn("the map has other inputs: item 1 differs", other.stderr)
        self.assertEqual(daemon.map("p", "1", "2", "--name", "reel").stdout, "1\n2\n")
        failed = daemon.submit("p", "error")[0]
        daemon.ctl("wait", failed)
        again = daemon.ctl("jobs", "retry", failed).stdout.strip()
        self.assertNotEqual(again, failed)
        self.assertEqual(daemon.job(again)["retry_of"], int(failed))
        self.assertEqual(daemon.states(failed), ["failed"])

    def test_a_fast_failure_cancels_the_rest_of_its_map(self):
        daemon = self.start(one(more="    prefetch: 1\n"))
        inputs = ['"a"', '"error"'] + ['{"sleep": 0.02}'] * 300
        answer = daemon.map("p", *inputs, "--fail-fast", "--json")
        states = [json.loads(line)["state"] for line in answer.stdout.splitlines()]
        self.assertNotEqual(answer.returncode, 0)
        self.assertEqual(states[:2], ["done", "failed"])
        self.assertGreater(states.count("cancelled"), 290)
        self.assertEqual(daemon.left("p"), 0)

    def test_a_huge_map_does_not_starve_a_small_one(self):
        daemon = self.start(one(more=MEMORY))
        huge = subprocess.Popen(daemon.ctl_command("map", "p"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        with contextlib.suppress(BrokenPipeError):
            huge.stdin.write(b'{"sleep": 0.001}\n' * 10_000)
            huge.stdin.close()
        daemon.wait_until(lambda: daemon.left("p") > 5000)
        answer = daemon.map("p", *map(str, range(20)))
        self.assertEqual(len(answer.stdout.split()), 20)
        self.assertIsNone(huge.poll())
        self.assertGreater(daemon.left("p"), 1000, "the huge one is far from its end")
        huge.kill()
        huge.wait()

    def test_permits_change_with_a_reload(self):
        text = config(one(more="    job: {semaphores: {gpu: 1}}\n", workers=2), one("q", "    job: {semaphores: {gpu: 1}}\n"),
                      head="semaphores: {gpu: 1}\n")
        daemon = self.stack.enter_context(RogueDaemon(text))
        gates = [daemon.gate("one"), daemon.gate("two"), daemon.gate("three")]
        jobs = daemon.submit("p", {"gate": gates[0]}, {"gate": gates[1]}) + daemon.submit("q", {"gate": gates[2]})
        daemon.wait_until(lambda: daemon.states(*jobs) == ["running", "queued", "queued"])
        self.assertIn("semaphore 'gpu' changed: 3 permits, before 1", daemon.reload(text.replace("{gpu: 1}\n", "{gpu: 3}\n", 1)))
        daemon.wait_until(lambda: "semaphore 'gpu' changed" in daemon.log())
        daemon.wait_until(lambda: daemon.states(*jobs) == ["running"] * 3)
        for gate in gates:
            daemon.open_gate(gate)
        daemon.ctl("wait", *jobs)
        self.assertEqual(daemon.states(*jobs), ["done"] * 3)


class Reloads(unittest.TestCase):
    def test_queued_jobs_survive_what_changes_about_their_pool(self):
        text = config(one())
        with RogueDaemon(text) as daemon:
            daemon.ctl("queue", "pause", "p")
            jobs = daemon.submit("p", 1)
            for more in (MEMORY, "    queue: {durability: os, capacity: 1}\n", "    prefetch: 5\n"):
                daemon.reload(config(one(more=more)))
                if "capacity" not in more:
                    jobs += daemon.submit("p", 2)
            self.assertEqual(daemon.left("p"), 3)
            frames = config(f"  p:{BODY}    workers: 1\n    protocol: exec\n").replace('python3, -S, "@ROGUE@"', "cat")
            daemon.reload(frames)
            jobs += daemon.submit("p", 3)
            daemon.ctl("queue", "resume", "p")
            self.assertEqual(daemon.ctl("wait", *jobs).returncode, 0)
            self.assertEqual([daemon.ctl("result", number).stdout.strip() for number in jobs], ["1", "2", "2", "3"])

    def test_a_pool_that_leaves_and_comes_back_has_its_jobs(self):
        text, without = config(one(), one("q")), config(one("q"))
        with RogueDaemon(text) as daemon:
            gate = daemon.gate()
            running = daemon.submit("p", {"gate": gate})
            daemon.wait_until(lambda: daemon.states(*running) == ["running"])
            queued = daemon.submit("p", *range(50))
            daemon.reload(without)
            daemon.wait_until(lambda: "p" not in daemon.pools())
            self.assertIn("no job pool 'p'", daemon.ctl("submit", "p", "1").stderr)
            self.assertEqual(daemon.map("q", "1").stdout, "1\n")
            daemon.reload(text)
            opener = subprocess.Popen(["sh", "-c", f"echo go > {gate}"])
            self.assertEqual(daemon.ctl("wait", *running, *queued).returncode, 0)
            opener.wait()
            self.assertEqual(set(daemon.states(*running, *queued)), {"done"})

    def test_a_pool_without_workers_keeps_its_jobs(self):
        with RogueDaemon(config(one(workers=2))) as daemon:
            self.assertEqual(daemon.ctl("scale", "p", "0").returncode, 0)
            daemon.wait_until(lambda: daemon.pools()["p"]["up"] == 0)
            jobs = daemon.submit("p", *range(20))
            self.assertIn("no worker", daemon.ctl("why", jobs[0]).stdout)
            daemon.ctl("scale", "p", "2")
            self.assertEqual(daemon.ctl("wait", *jobs).returncode, 0)

    def test_where_nobody_can_tell_a_death_for_want_of_memory_whom_that_matters_to_is_told_once(self):
        def pools(retry_on, prefetch):
            return config(f"  big:{BODY}    job: {{retry_on: {retry_on}}}\n    prefetch: {prefetch}\n  small:{BODY}")

        word = "'job.retry_on.oom' of big"
        with RogueDaemon(pools("{oom: false}", 1)) as daemon:
            if "a cgroup for each worker" in daemon.log():
                self.skipTest("here it can be told")
            daemon.wait_until(lambda: word in daemon.log())
            self.assertIn(f"warning: {word}", daemon.reload(pools("{oom: false}", 2)))
            self.assertNotIn(word, daemon.reload(pools("{oom: false, crash: false}", 2)))
            daemon.wait_until(lambda: daemon.log().count("reload: ") == 2)
            self.assertEqual(daemon.log().count(word), 1, daemon.log())


class Clients(unittest.TestCase):
    def test_nothing_stays_of_a_map_whose_client_goes_in_the_middle(self):
        with RogueDaemon(config(one("kept", workers=2), one("fleeting", MEMORY, workers=2))) as daemon:
            for turn in range(12):
                pool = ("kept", "fleeting")[turn % 2]
                client = subprocess.Popen(daemon.ctl_command("map", pool), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL)
                with contextlib.suppress(BrokenPipeError):
                    client.stdin.write(b'{"sleep": 0.05}\n' * 3000)
                    client.stdin.flush()
                    time.sleep(0.004 * turn)
                client.kill()
                client.wait()
                client.stdin.close()
            for pool in ("kept", "fleeting"):
                daemon.wait_until(lambda: daemon.left(pool) == 0)
                done = daemon.figures(pool)["done"]
                self.assertLess(done, 200, "the rest was cancelled, not worked off")

    def start_map(self, daemon, gate):
        """A client that has results of a map, whose second job waits behind a gate; and those results."""
        client = subprocess.Popen(daemon.ctl_command("map", "p", "--unordered", "--json"), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        with client.stdin as inputs:
            inputs.writelines(json.dumps(job) + "\n" for job in [0, {"gate": gate}, *range(2, 400)])
        return client, [json.loads(client.stdout.readline()) for _ in range(100)]

    def start_talk(self, talking, gate):
        """The same by hand. The numbers of its jobs."""
        said, text = talking.tell("open_map", {"pool": "p"}, 2)
        self.assertEqual(said, "map_opened", text)
        said, text = talking.tell_items("add_items", {"from": 0}, [json.dumps({"gate": gate}), "1"], json.loads(text)["map"])
        self.assertEqual(said, "items_added", text)
        return json.loads(text)["ids"]

    def test_two_work_while_one_is_stopped_one_goes_and_one_talks_nonsense_in_mid_map(self):
        with RogueDaemon(config(one(workers=4, more="    prefetch: 1\n"))) as daemon, Client(daemon.folder) as talking:
            gates = [daemon.gate(name) for name in ("stopped", "leaving", "talking")]
            (stopped, had), (leaving, _) = (self.start_map(daemon, gate) for gate in gates[:2])
            ids = self.start_talk(talking, gates[2])

            def running():
                jobs = json.loads(daemon.ctl("jobs", "list", "p", "--state", "running", "--json").stdout)["jobs"]
                return {job["map"]: job["index"] for job in jobs}

            daemon.wait_until(lambda: list(running().values()) == [1, 1, 0])  # each waits for its gate
            stopped.send_signal(signal.SIGSTOP)
            os.waitpid(stopped.pid, os.WUNTRACED)
            leaving.kill()
            talking.socket.sendall(bytes(range(256)) * 16)
            self.assertEqual(talking.receive_all()[-1][0], "failure")
            inputs = [[str(number) for number in range(first, first + 500)] for first in (1000, 2000)]
            clients = [subprocess.Popen(daemon.ctl_command("map", "p", *numbers), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True) for numbers in inputs]
            for client, numbers in zip(clients, inputs):
                out, err = client.communicate(timeout=PATIENCE)
                self.assertEqual((client.returncode, out.split()), (0, numbers), err)
            leaving.wait()
            leaving.stdout.close()
            daemon.wait_until(lambda: len(running()) == 1)
            self.assertEqual(daemon.states(*ids), ["cancelled", "done"])
            daemon.open_gate(gates[0])
            stopped.send_signal(signal.SIGCONT)
            with stopped:
                rest = [json.loads(line) for line in stopped.stdout]
            self.assertEqual({row["index"]: row["result"] for row in had + rest}, {n: "gate" if n == 1 else n for n in range(400)})
            self.assertEqual((len(had + rest), stopped.returncode), (400, 0))

    def test_a_stopped_client_costs_a_bounded_amount_and_has_its_results_later(self):
        with RogueDaemon(config(one(workers=2))) as daemon:
            daemon.map("p", '{"large": 1000}')
            before = daemon.rss()
            client = subprocess.Popen(daemon.ctl_command("map", "p", "--raw", *['{"large": 200000}'] * 1000),
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            daemon.wait_until(lambda: daemon.figures("p")["done"] > 5)
            os.kill(client.pid, signal.SIGSTOP)
            daemon.wait_until(lambda: daemon.figures("p")["done"] > 1000)
            # What is kept for the client, and what is on its way to the disk: workers can be faster than that.
            self.assertLess(daemon.rss() - before, 96 << 20, "of 200 MB of results")
            self.assertEqual(daemon.map("p", "1").stdout, "1\n")
            os.kill(client.pid, signal.SIGCONT)
            self.assertEqual(len(client.communicate(timeout=PATIENCE)[0]), 1000 * 200_001)
            self.assertEqual(client.returncode, 0)

    def test_five_thousand_connections_leave_nothing_behind(self):
        with RogueDaemon(config(one(more=MEMORY))) as daemon:
            path = str(daemon.folder / "run" / "jobs.sock")
            descriptors = pathlib.Path(f"/proc/{daemon.process.pid}/fd")
            before = len(list(descriptors.iterdir()))
            for number in range(5000):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)
                    if number % 3 == 0:
                        client.send(os.urandom(100))
            self.assertEqual(daemon.map("p", "1").stdout, "1\n")
            daemon.wait_until(lambda: len(list(descriptors.iterdir())) <= before + 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
