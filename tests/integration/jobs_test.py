#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Job pools as their users meet them: a real piniond, real workers, pinionctl. jobs_test.py BIN_FOLDER SOURCE_FOLDER"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
PATIENCE = 60

ECHO = r"""
import json, os, subprocess, sys, time
for line in sys.stdin:
    job = json.loads(line)
    text = job["input"]
    if text == "die":
        os.kill(os.getpid(), 9)
    if text == "hang":
        child = subprocess.Popen(["sleep", "1000"])
        open(os.environ["CHILD_FILE"], "w").write(str(child.pid))
        time.sleep(1000)
    if text == "error":
        print(json.dumps({"id": job["id"], "error": {"type": "bad", "message": "no good", "retry": False}}), flush=True)
        continue
    if text == "push":
        print(json.dumps({"id": job["id"], "result": 1, "push": [{"pool": "typo", "input": 1}]}), flush=True)
        continue
    if text == "print":
        print("a stray line")
    if text == "pid":
        text = os.getpid()
    if isinstance(text, dict):
        with open(os.environ["CHILD_FILE"], "a") as file:
            file.write("+")
            file.flush()
            time.sleep(text["sleep"])
            file.write("-")
    print(json.dumps({"id": job["id"], "result": text}), flush=True)
"""


class Daemon:
    """A piniond in a folder of its own, which outlives it."""

    def __init__(self, config, folder=None):
        self.holder = folder or tempfile.TemporaryDirectory(prefix="pinion-")
        self.folder = pathlib.Path(self.holder.name)
        (self.folder / "echo.py").write_text(ECHO)
        self.child_file = self.folder / "child"
        (self.folder / "pinion.yaml").write_text(config.replace("@ECHO@", f'[python3, -S, "{self.folder}/echo.py"]')
                                                 .replace("@CHILD_FILE@", str(self.child_file)))
        self.log_path = self.folder / "log"
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BIN / "piniond", "--config", self.folder / "pinion.yaml", "--runtime-dir", self.folder / "run",
                 "--state-dir", self.folder / "state", "--log", "console"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_until(lambda: (self.folder / "run" / "jobs.sock").exists() and self.ctl("status").returncode == 0)

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError("it did not come:\n" + self.log())
            time.sleep(0.01)

    def ctl_command(self, *arguments):
        return [BIN / "pinionctl", "--runtime-dir", self.folder / "run", *arguments]

    def ctl(self, *arguments, stdin=""):
        return subprocess.run(self.ctl_command(*arguments), input=stdin, capture_output=True, text=True, timeout=PATIENCE)

    def map(self, *arguments, stdin=""):
        return self.ctl("map", *arguments, stdin=stdin)

    def job(self, number):
        return json.loads(self.ctl("jobs", "show", str(number), "--json").stdout)["job"]

    def log(self):
        return self.log_path.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(PATIENCE) == 0, self.log()
        assert "is left behind" not in self.log() or "nothing is left behind" in self.log(), self.log()


def pool(body="", name="echo"):
    return f"""
  {name}:
    kind: jobs
    command: @ECHO@
    workers: 2
    cpu: none
    env: {{CHILD_FILE: "@CHILD_FILE@"}}
    restart: {{delay: 1ms, max_delay: 1ms}}
""" + "".join(f"    {line}\n" for line in body.splitlines())


def config(*pools, head=""):
    return "version: 1\n" + head + "pools:\n" + "".join(pools)


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Jobs(unittest.TestCase):
    def test_a_map_gives_results_in_the_order_of_its_inputs(self):
        with Daemon(config(pool())) as daemon:
            inputs = [str(i) for i in range(3000)]
            answer = daemon.map("echo", stdin="\n".join(inputs) + "\n")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertEqual(answer.stdout.split(), inputs)

    def test_a_job_that_kills_its_worker_fails_and_the_others_finish(self):
        with Daemon(config(pool("job: {attempts: 3, delay: 1ms}"))) as daemon:
            answer = daemon.map("echo", "a", "die", "b", "c", "--json")
            self.assertEqual(answer.returncode, 1)
            rows = [json.loads(line) for line in answer.stdout.splitlines()]
            self.assertEqual([row["state"] for row in rows], ["done", "failed", "done", "done"])
            self.assertEqual(rows[1]["attempts"], 3)
            self.assertIn("SIGKILL", json.dumps(rows[1]["error"]))
            job = daemon.job(rows[1]["id"])
            self.assertEqual([attempt["outcome"] for attempt in job["attempts"]], ["crash"] * 3)
            self.assertEqual(daemon.map("echo", "after", "--raw").stdout, "after\n", "the pool lives")

    def test_an_error_of_the_worker_is_told(self):
        with Daemon(config(pool())) as daemon:
            answer = daemon.map("echo", "error", "--json")
            self.assertEqual(json.loads(answer.stdout)["error"], {"type": "bad", "message": "no good"} |
                             {k: v for k, v in json.loads(answer.stdout)["error"].items() if k == "retry"})

    def test_a_timeout_kills_the_whole_tree(self):
        # Long enough for Python to start meanwhile.
        with Daemon(config(pool("job: {attempts: 1, timeout: 2s}"))) as daemon:
            answer = daemon.map("echo", "hang", "--json")
            self.assertEqual(json.loads(answer.stdout)["error"]["type"], "timeout")
            child = int(daemon.child_file.read_text())
            daemon.wait_until(lambda: not is_alive(child))

    def test_cancel_kills_the_whole_tree(self):
        with Daemon(config(pool())) as daemon:
            number = daemon.ctl("submit", "echo", "hang").stdout.strip()
            daemon.wait_until(lambda: daemon.child_file.exists() and daemon.child_file.read_text())
            self.assertEqual(daemon.ctl("jobs", "cancel", number).returncode, 0)
            daemon.ctl("wait", number)
            self.assertEqual(daemon.job(number)["state"], "cancelled")
            child = int(daemon.child_file.read_text())
            daemon.wait_until(lambda: not is_alive(child))

    def test_a_named_map_that_was_left_half_given_is_said_to_be(self):
        with Daemon(config(pool())) as daemon:
            command = daemon.ctl_command("map", "echo", "--name", "film")
            left = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            left.stdin.write("1\n2\n")
            left.stdin.flush()
            self.assertEqual([left.stdout.readline() for _ in range(2)], ["1\n", "2\n"])
            left.kill()
            left.communicate()
            answer = daemon.map("--attach", "film")
            self.assertEqual((answer.returncode != 0, answer.stdout), (True, "1\n2\n"))
            self.assertIn("its inputs are incomplete", answer.stderr)
            answer = daemon.map("echo", "--name", "film", stdin="1\n2\n3\n")
            self.assertEqual((answer.returncode, answer.stdout), (0, "1\n2\n3\n"), answer.stderr)
            self.assertEqual(daemon.map("--attach", "film").stdout, "1\n2\n3\n")

    def test_a_push_to_a_pool_that_is_not_there_fails_its_job_alone(self):
        for durability in "fsync", "memory":
            with Daemon(config(pool(f"queue: {{durability: {durability}}}"))) as daemon:
                answer = daemon.map("echo", "a", "push", "b", "--json")
                rows = [json.loads(line) for line in answer.stdout.splitlines()]
                self.assertEqual([row["state"] for row in rows], ["done", "failed", "done"], answer.stderr)
                self.assertEqual(rows[1]["error"]["type"], "refused_push")

    def test_stray_output_is_logged_and_harms_nothing(self):
        with Daemon(config(pool())) as daemon:
            self.assertEqual(daemon.map("echo", "print", "--raw").stdout, "print\n")
            daemon.wait_until(lambda: "a stray line" in daemon.log())
            rows = json.loads(daemon.ctl("status", "--json").stdout)["pools"]
            self.assertEqual([row["jobs_stray_lines"] for row in rows], [1])

    def test_inputs_are_done_once(self):
        text = config(pool("inputs: [x, y, z]"))
        with Daemon(text) as daemon:
            daemon.wait_until(lambda: "its inputs completed: 3 done" in daemon.log())
        with Daemon(text, daemon.holder) as again:
            self.assertEqual(again.map("echo", "later", "--raw").stdout, "later\n")
            self.assertEqual(again.log().count("its inputs completed"), 1)
            self.assertEqual(len(json.loads(again.ctl("jobs", "list", "echo", "--json").stdout)["jobs"]), 4)

    def test_a_key_gives_one_job(self):
        with Daemon(config(pool())) as daemon:
            first = daemon.ctl("submit", "echo", "a", "--key", "order-7").stdout
            self.assertEqual(daemon.ctl("submit", "echo", "a", "--key", "order-7").stdout, first)

    def test_a_named_map_outlives_its_client_and_the_daemon(self):
        with Daemon(config(pool())) as daemon:
            inputs = [json.dumps({"sleep": 0.01}) for _ in range(100)]
            client = subprocess.Popen(daemon.ctl_command("map", "echo", "--name", "film", *inputs), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            daemon.wait_until(lambda: len(json.loads(daemon.ctl("jobs", "list", "echo", "--json").stdout)["jobs"]) == 100)
            client.kill()
            client.wait()
            daemon.kill()
            daemon.start()
            answer = daemon.map("--attach", "film", "--json")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertEqual([json.loads(line)["index"] for line in answer.stdout.splitlines()], list(range(100)))

    def test_a_worker_is_recycled(self):
        with Daemon(config(pool("recycle: {jobs: 3}").replace("workers: 2", "workers: 1"))) as daemon:
            pids = [daemon.map("echo", "pid").stdout for _ in range(9)]
            self.assertGreaterEqual(len(set(pids)), 3)
            self.assertGreaterEqual(daemon.log().count("recycled"), 2)

    def test_semaphores_hold_jobs_of_all_pools_back(self):
        body = "job: {semaphores: {gpu: 1}}"
        with Daemon(config(pool(body, "one"), pool(body, "two"), head="semaphores: {gpu: 1}\n")) as daemon:
            clients = [threading.Thread(target=daemon.map, args=(name, *['{"sleep": 0.02}'] * 5)) for name in ("one", "two")]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            self.assertEqual(daemon.child_file.read_text(), "+-" * 10)

    def test_a_foreign_file_in_place_of_the_store_stops_nothing_else(self):
        holder = tempfile.TemporaryDirectory(prefix="pinion-")
        store = pathlib.Path(holder.name) / "state" / "jobs"
        store.mkdir(parents=True)
        (store / "jobs.db").write_text("a letter to my grandmother\n" * 100)
        fleeting = pool("queue: {durability: memory}", "fleeting")
        with Daemon(config(pool(), fleeting, "\n  service: {command: [sleep, '1000'], cpu: none}\n"), holder) as daemon:
            refused = daemon.ctl("submit", "echo", "a")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("jobs.db", refused.stderr)
            self.assertEqual(daemon.map("fleeting", "a").stdout, '"a"\n')
            self.assertEqual(daemon.ctl("is-healthy", "service").returncode, 0)
            self.assertTrue((store / "jobs.db").read_text().startswith("a letter"))


EXEC = """
  exec:
    kind: jobs
    protocol: exec
    payload: raw
    command: [sh, -c, @SCRIPT@]
    cpu: none
    job: {attempts: 3, delay: 1ms, timeout: 1h}
"""


class Exec(unittest.TestCase):
    def run_script(self, script):
        return Daemon(config(EXEC.replace("@SCRIPT@", json.dumps(script.replace("$", "$$")))))

    def test_exit_codes_are_verdicts(self):
        # 75 asks to be tried again, which goes well the second time; 65 never; another fails by the pool's own rules.
        with self.run_script('read code; test "$code$PINION_ATTEMPT" = 752 && exit 0; exit "$code"') as daemon:
            rows = [json.loads(line) for line in daemon.map("exec", "0", "75", "65", "7", "--json").stdout.splitlines()]
            self.assertEqual([(row["state"], row["attempts"]) for row in rows],
                             [("done", 1), ("done", 2), ("failed", 1), ("failed", 3)])
            self.assertEqual([attempt["outcome"] for attempt in daemon.job(rows[1]["id"])["attempts"]], ["error", "done"])

    def test_the_death_of_a_process_is_on_record(self):
        # Also what it wrote without a newline; and each has its own last words, not those of the job before it.
        with self.run_script('read how; echo $how >&2; printf last >&2; eval "$how"') as daemon:
            rows = [json.loads(line) for line in
                    daemon.map("exec", "kill -9 $$", "exit 65", "exit 0", "--json").stdout.splitlines()]
            killed, refused, done = (daemon.job(row["id"])["attempts"] for row in rows)
            self.assertEqual([row["error"]["type"] for row in rows[:2]], ["crash", "exit"])
            self.assertEqual(len(killed), 3)
            for attempt, words in ((killed[0], "kill -9 $$"), (killed[2], "kill -9 $$"), (refused[0], "exit 65")):
                death = attempt["death"]
                self.assertEqual(death["last_lines"], [words, "last"])
                self.assertGreater(death["peak_memory_bytes"], 100_000)
                self.assertIn("cpu_usec", death)
            self.assertEqual((killed[0]["death"]["signal"], killed[0]["outcome"]), (9, "crash"))
            self.assertNotIn("error", killed[0])
            self.assertEqual((refused[0]["death"]["exit"], refused[0]["error"]["type"]), (65, "exit"))
            self.assertNotIn("death", done[0])
            shown = daemon.ctl("jobs", "show", str(rows[0]["id"])).stdout
            self.assertRegex(shown, r"attempt 3: crash at exec/0 after \S+: SIGKILL; peak \S+, \S+ of CPU[^\n]*\n    \| kill -9 \$\$\n    \| last\n")
            log = [json.loads(line) for line in daemon.ctl("jobs", "log", str(rows[1]["id"]), "--json").stdout.splitlines()]
            self.assertEqual([line["text"] for line in log], ["exit 65", "last"])

    def test_a_process_that_is_killed_for_its_time_leaves_its_own_words(self):
        script = 'read word; echo $word >&2; test "$word" = quick && exit 0; exec sleep 1000'
        with Daemon(config(EXEC.replace("timeout: 1h", "timeout: 300ms").replace(
                "@SCRIPT@", json.dumps(script.replace("$", "$$"))))) as daemon:
            rows = [json.loads(line) for line in daemon.map("exec", "quick", "slow", "--json").stdout.splitlines()]
            death = daemon.job(rows[1]["id"])["attempts"][0]["death"]
            self.assertEqual((death["signal"], death["last_lines"]), (9, ["slow"]))

    def test_each_log_has_the_words_of_its_own_process_only(self):
        with self.run_script("echo $PINION_JOB begins >&2; echo $PINION_JOB ends >&2") as daemon:
            answer = daemon.map("exec", "--json", stdin="x\n" * 200)
            for job in (str(json.loads(line)["id"]) for line in answer.stdout.splitlines()):
                log = daemon.ctl("jobs", "log", job, "--json").stdout.splitlines()
                self.assertEqual([json.loads(line)["text"] for line in log], [f"{job} begins", f"{job} ends"])

    def test_a_process_knows_its_job_and_its_deadline(self):
        with self.run_script('echo $PINION_JOB $PINION_ATTEMPT $((PINION_DEADLINE - $(date +%s)))') as daemon:
            row = json.loads(daemon.map("exec", "x", "--json").stdout)
            job, attempt, left = map(int, row["result"].split())
            self.assertEqual((job, attempt), (row["id"], 1))
            self.assertLessEqual(left, 3600)
            self.assertGreater(left, 3600 - PATIENCE)


class Examples(unittest.TestCase):
    """Each in examples/jobs, by the words in its own head."""

    def run_example(self, name, **replaced):
        text = (SOURCE / "examples" / "jobs" / name).read_text()
        for old, new in replaced.get("instead", {}).items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        return Daemon(text)

    def test_all_are_tried(self):
        tried = "".join(method.replace("test_", "") + " " for method in dir(self))
        for path in (SOURCE / "examples" / "jobs").iterdir():
            self.assertIn(path.stem.replace("-", "_"), tried)

    def test_doubles(self):
        with self.run_example("doubles.yaml") as daemon:
            self.assertEqual(daemon.map("doubles", "1", "2", "3", "4", "5").stdout.split(), ["2", "4", "6", "8", "10"])

    def test_upper(self):
        with self.run_example("upper.yaml") as daemon:
            self.assertEqual(daemon.map("upper", "hello", "big world").stdout, "HELLO\nBIG WORLD\n")

    def test_checksums(self):
        with self.run_example("checksums.yaml") as daemon:
            files = [str(path) for path in sorted((SOURCE / "docs").rglob("*")) if path.is_file()]
            self.assertGreater(len(files), 20)
            answer = daemon.map("checksums", "--raw", stdin="\n".join(files) + "\n")
            expected = subprocess.run(["sha256sum", "--", *files], capture_output=True, text=True, check=True).stdout
            self.assertEqual(answer.stdout, expected)

    def test_all_cores(self):
        with self.run_example("all-cores.yaml") as daemon:
            daemon.wait_until(lambda: "its inputs completed: 8 done" in daemon.log())
            [primes] = json.loads(daemon.ctl("status", "primes", "--json").stdout)["pools"]
            seats = {worker["slot"]: worker["cpus"] for worker in primes["workers"]}
            answer = daemon.map("primes", "--json", *["300000"] * (4 * len(seats)))
            jobs = [daemon.job(json.loads(line)["id"]) for line in answer.stdout.splitlines()]
            self.assertEqual({job["attempts"][0]["slot"] for job in jobs}, set(seats), "each worker has had some")
            self.assertEqual(len(set(seats.values())), len(seats), "and each has CPUs of its own")
            if len(seats) == 1:
                self.skipTest("there is one core, and one worker")

    def test_speed_up(self):
        with self.run_example("all-cores.yaml") as daemon:
            daemon.wait_until(lambda: "its inputs completed: 8 done" in daemon.log())
            wanted = daemon.ctl("show", "primes", "-p", "Wanted").stdout
            done = subprocess.run(
                [SOURCE / "examples" / "jobs" / "speed-up.py", "primes", *["20000"] * 20], capture_output=True, text=True,
                timeout=PATIENCE, check=False,
                env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "RUNTIME_DIRECTORY": str(daemon.folder / "run")})
            if wanted == "Wanted=1\n":
                self.assertIn("nothing to compare", done.stderr)
                self.skipTest("there is one core, and one worker")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"\A1 worker: \d+\.\d\d s\n\d+ workers: \d+\.\d\d s, \d+\.\d times as fast\n\Z")
            self.assertEqual(daemon.ctl("show", "primes", "-p", "Wanted").stdout, wanted, "the pool is as it was")

    def test_primes_cpp(self):
        with self.run_example("primes-cpp.yaml", instead={"/tmp/pinion-examples/job_worker": str(BIN / "example_job_worker")}) as daemon:
            self.assertEqual(daemon.map("primes", "10", "100", "1000").stdout.split(), ["4", "25", "168"])
            answer = daemon.map("primes", "ten", "7", "--json")
            rows = [json.loads(line) for line in answer.stdout.splitlines()]
            self.assertEqual(rows[0]["error"], {"type": "input", "message": "not a number from 0 to 100000000"})
            self.assertEqual((rows[0]["attempts"], rows[1]["result"]), (1, 3), "an error that says so is not tried again")

    def test_pipeline(self):
        with self.run_example("pipeline.yaml") as daemon:
            self.assertEqual(daemon.map("words", "to be", "or not to", "be").stdout.split(), ["2", "3", "1"])

            def counted():
                jobs = json.loads(daemon.ctl("jobs", "list", "count", "--json").stdout)["jobs"]
                return [job["id"] for job in jobs if job["state"] == "done"]

            daemon.wait_until(lambda: len(counted()) == 3)
            results = [daemon.ctl("result", str(number)).stdout.strip() for number in sorted(counted())]
            self.assertEqual(results, ["2", "5", "6"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
