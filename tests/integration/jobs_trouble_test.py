#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Job pools on a disk that fails: jobs_trouble_test.py BIN_FOLDER SOURCE_FOLDER

What was acknowledged is there, what is refused says why, what happens next and what to do; nobody else notices. Small and
read-only file systems are mounted in a namespace of our own, so root is needed for them.
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from job_socket import Client  # noqa: E402
from jobs_test import PATIENCE, Daemon, config  # noqa: E402

WORKER = r"""
import json, os, sys
for line in sys.stdin:
    job = json.loads(line)
    wish = job["input"]
    if isinstance(wish, dict) and "wait" in wish:
        open(wish["wait"]).read()
    if isinstance(wish, dict) and "large" in wish:
        wish = "x" * wish["large"]
    if isinstance(wish, str) and len(wish) > 20_000 and not wish.startswith("x"):
        wish = len(wish)
    answer = {"id": job["id"], "result": wish}
    if isinstance(wish, dict) and "push" in wish:
        answer["push"] = [{"pool": wish["push"], "input": 1}]
    print(json.dumps(answer), flush=True)
"""
OTHERS = """
  fleeting:
    kind: jobs
    command: [python3, -S, "@WORKER@"]
    cpu: none
    queue: {durability: memory}
  loose:
    kind: jobs
    command: [python3, -S, "@WORKER@"]
    cpu: none
    queue: {durability: os}
  service: {command: [sleep, '1000'], cpu: none}
"""
POOL = """
  kept:
    kind: jobs
    command: [python3, -S, "@WORKER@"]
    workers: 1
    cpu: none
    restart: {delay: 1ms, max_delay: 1ms}
"""


class TroubledDaemon(Daemon):
    """With a pool on disk, one in memory, a service, and a state folder that may be small."""

    def __init__(self, holder=None, state_size=None):
        holder = holder or tempfile.TemporaryDirectory(prefix="pinion-")
        folder = pathlib.Path(holder.name)
        self.mounts = []
        (folder / "state").mkdir(exist_ok=True)
        if state_size is not None:
            self.mount(folder / "state", "-t", "tmpfs", "-o", f"size={state_size}", "tmpfs")
        (folder / "worker.py").write_text(WORKER)
        super().__init__(config(POOL, OTHERS).replace("@WORKER@", str(folder / "worker.py")), holder)

    def mount(self, where, *words):
        subprocess.run(["mount", *words, str(where)], check=True)
        self.mounts.append(where)

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            for where in reversed(self.mounts):
                subprocess.run(["umount", "-l", str(where)], check=True)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.log()

    def others_go_on(self, test):
        test.assertEqual(self.map("fleeting", '"a"').stdout, '"a"\n')
        test.assertEqual(self.ctl("is-healthy", "service").returncode, 0)

    def submit(self, text):
        return self.ctl("submit", "kept", text)

    def accepted(self, text):
        answer = self.submit(text)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def state_of(self, number):
        return self.job(number)["state"]

    def until_log(self, text):
        self.wait_until(lambda: text in self.log())


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                pass


class Namespace(unittest.TestCase):
    def setUp(self):
        if os.environ.get("PINION_NAMESPACE") != "1":
            self.skipTest("no mount namespace of our own (root is needed)")


class FullDisk(Namespace):
    def test_submits_are_refused_until_there_is_room_and_nothing_is_lost(self):
        with TroubledDaemon(state_size="2m") as daemon:
            os.mkfifo(daemon.folder / "gate")
            self.assertEqual(daemon.map("kept", "--name", "complete", "7", "8").returncode, 0)
            running = daemon.accepted(json.dumps({"wait": str(daemon.folder / "gate")}))
            daemon.wait_until(lambda: daemon.state_of(running) == "running")
            waiting, unwanted = daemon.accepted("1"), daemon.accepted("2")
            client = subprocess.Popen(daemon.ctl_command("map", "kept", "--name", "film", "5"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            daemon.wait_until(lambda: "queued" in daemon.ctl("jobs", "list", "film").stdout)
            fill(daemon.folder / "state")
            refused = daemon.submit("2")
            self.assertEqual(refused.returncode, 1)
            for words in ("submit to 'kept'", "the disk is full, submits are refused until there is room", "free space there"):
                self.assertIn(words, refused.stderr)
            daemon.until_log("what finishes meanwhile is kept and written then")
            self.assertIn("the job store takes nothing", daemon.submit("3").stderr, "who comes later hears it, too")
            daemon.others_go_on(self)
            attached = daemon.ctl("map", "--attach", "complete")
            self.assertEqual((attached.returncode, attached.stdout), (0, "7\n8\n"), attached.stderr)
            cancel = daemon.ctl("jobs", "cancel", unwanted)
            self.assertEqual(cancel.returncode, 1)
            self.assertIn(f"cancel job {unwanted}: it takes effect, but is not on disk", cancel.stderr)
            cancel = daemon.ctl("jobs", "cancel", "film")
            self.assertEqual(cancel.returncode, 1)
            self.assertIn("cancel the map: it takes effect, but is not on disk", cancel.stderr)
            (daemon.folder / "gate").write_text("go")
            self.assertNotEqual(daemon.ctl("wait", running, "--timeout", "300ms").returncode, 0, "its end is not on the disk")
            (daemon.folder / "state" / "filler").unlink()
            self.assertEqual(daemon.ctl("wait", running, waiting).returncode, 0)
            daemon.wait_until(lambda: daemon.state_of(unwanted) == "cancelled")
            self.assertNotEqual(client.wait(30), 0, "its only job was cancelled")
            self.assertIn("cancelled", daemon.ctl("jobs", "list", "film").stdout)
            daemon.until_log("the job store takes jobs again")
            later = daemon.accepted("4")
            daemon.ctl("wait", later)
            daemon.stop()
            daemon.start()
            self.assertEqual([daemon.state_of(number) for number in (running, waiting, later)], ["done"] * 3)
            self.assertEqual(daemon.log().count("the disk is full"), 1, "said once")

    def test_a_pause_takes_effect_is_said_not_to_be_kept_and_is_kept_once_there_is_room(self):
        with TroubledDaemon(state_size="2m") as daemon:
            daemon.ctl("wait", daemon.accepted("1"))
            fill(daemon.folder / "state")
            self.assertEqual(daemon.submit("2").returncode, 1)
            pause = daemon.ctl("queue", "pause", "kept")
            self.assertEqual(pause.returncode, 1, pause.stdout)
            for words in ("pause the queue of 'kept': it takes effect, but is not on disk, and a daemon that ends now forgets it",
                          "the disk is full"):
                self.assertIn(words, pause.stderr)
            daemon.until_log("paused: nothing is handed out, by root; that is not on disk, and a daemon that ends now forgets it")
            self.assertIn("paused", daemon.ctl("status").stdout)
            for verb in ("pause", "resume"):
                self.assertEqual(daemon.ctl("queue", verb, "fleeting").returncode, 0, "which is in memory")
            daemon.others_go_on(self)
            (daemon.folder / "state" / "filler").unlink()
            daemon.until_log("the job store takes jobs again")
            daemon.kill()
            daemon.start()
            self.assertIn("paused", daemon.ctl("why", daemon.accepted("3")).stdout)

    def test_an_input_that_has_no_room_is_refused_and_smaller_ones_are_taken(self):
        with TroubledDaemon(state_size="2m") as daemon:
            with open(daemon.folder / "input", "w", encoding="utf-8") as file:
                json.dump("y" * (3 << 20), file)
            with open(daemon.folder / "input", encoding="utf-8") as file:
                refused = subprocess.run(daemon.ctl_command("submit", "kept"), stdin=file, capture_output=True, text=True,
                                         timeout=PATIENCE)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("no space left on device", refused.stderr)
            self.assertEqual(daemon.ctl("wait", daemon.accepted("1")).returncode, 0)
            self.assertEqual(list((daemon.folder / "state" / "jobs" / "spool").iterdir()), [])

    def test_a_result_that_has_no_room_waits_for_it(self):
        with TroubledDaemon(state_size="2m") as daemon:
            number = daemon.accepted(json.dumps({"large": 3 << 20}))
            daemon.until_log("no space left on device, submits are refused until there is room")
            for _ in range(2):
                self.assertIn("there is room", daemon.submit("1").stderr)
            daemon.others_go_on(self)
            time.sleep(1.2)  # a retry in between must not pretend that all is well
            subprocess.run(["mount", "-o", "remount,size=9m", str(daemon.folder / "state")], check=True)
            self.assertEqual(daemon.ctl("wait", number).returncode, 0)
            daemon.until_log("takes jobs again")
            self.assertEqual(len(daemon.ctl("result", number, "--raw").stdout), (3 << 20) + 1)
            self.assertEqual(daemon.log().count("takes jobs again"), 1)
            self.assertEqual(daemon.ctl("wait", daemon.accepted("2")).returncode, 0)


class ReadOnly(Namespace):
    def test_a_read_only_folder_is_named(self):
        holder = tempfile.TemporaryDirectory(prefix="pinion-")
        with TroubledDaemon(holder) as daemon:
            kept = daemon.accepted("1")
            daemon.ctl("wait", kept)
        folder = pathlib.Path(holder.name) / "state" / "jobs"
        with TroubledDaemon(holder) as daemon:
            daemon.stop()
            daemon.mount(folder, "--bind", str(folder))
            subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
            daemon.start()
            refused = daemon.submit("2")
            self.assertEqual(refused.returncode, 1)
            for words in (str(folder), "read-only", "make it writable, then restart piniond"):
                self.assertIn(words, refused.stderr)
                self.assertIn(words, daemon.log())
            daemon.others_go_on(self)
            subprocess.run(["mount", "-o", "remount,bind,rw", str(folder)], check=True)
            daemon.stop()
            daemon.start()
            self.assertEqual(daemon.state_of(kept), "done")
            daemon.accepted("2")


class DamagedFiles(unittest.TestCase):
    def paused_with_jobs(self, daemon, count):
        daemon.ctl("queue", "pause", "kept")
        return daemon.ctl("submit", "kept", *map(str, range(count))).stdout.split()

    def test_a_damaged_page_is_told_and_nothing_is_written_over_it(self):
        holder = tempfile.TemporaryDirectory(prefix="pinion-")
        with TroubledDaemon(holder) as daemon:
            self.assertEqual(len(self.paused_with_jobs(daemon, 1000)), 1000)
        store = pathlib.Path(holder.name) / "state" / "jobs"
        database = sqlite3.connect(store / "jobs.db")
        page = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'live'").fetchone()[0]
        database.close()
        with open(store / "jobs.db", "r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"Z" * 4096)
        before = (store / "jobs.db").read_bytes()
        with TroubledDaemon(holder) as daemon:
            daemon.until_log("the database is damaged")
            refused = daemon.submit("1")
            self.assertEqual(refused.returncode, 1)
            for words in ("the database is damaged", "nothing is written any more until", "salvage it with 'sqlite3 jobs.db .recover'"):
                self.assertIn(words, refused.stderr)
            daemon.others_go_on(self)
        self.assertEqual((store / "jobs.db").read_bytes(), before)
        store.rename(store.with_name("damaged"))
        with TroubledDaemon(holder) as daemon:
            self.assertEqual(daemon.ctl("wait", daemon.accepted("1")).returncode, 0)

    def test_a_log_that_was_cut_off_costs_no_more_than_it_held(self):
        with TroubledDaemon() as daemon:
            ids = self.paused_with_jobs(daemon, 5)
            for number in range(20):
                ids.append(daemon.accepted(json.dumps("y" * 3000 + str(number))))
            daemon.kill()
            log = daemon.folder / "state" / "jobs" / "jobs.db-wal"
            os.truncate(log, log.stat().st_size // 2)
            daemon.start()
            left = [job["id"] for job in json.loads(daemon.ctl("jobs", "list", "kept", "--json").stdout)["jobs"]]
            self.assertGreater(len(left), 5)
            self.assertEqual([str(number) for number in left], ids[:len(left)])
            daemon.ctl("queue", "resume", "kept")
            self.assertEqual(daemon.ctl("wait", *map(str, left)).returncode, 0)
            self.assertNotIn(daemon.accepted("1"), ids)

    def test_a_database_that_is_taken_away_acknowledges_nothing(self):
        with TroubledDaemon() as daemon:
            store = daemon.folder / "state" / "jobs"
            number = daemon.accepted("1")
            daemon.ctl("wait", number)
            shutil.move(store / "jobs.db", store / "aside.db")
            refused = daemon.submit("2")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("it was removed, or another file is in its place", refused.stderr)
            self.assertIn("put it back", refused.stderr)
            daemon.others_go_on(self)

    def test_a_spool_that_is_taken_away_costs_only_what_was_in_it(self):
        with TroubledDaemon() as daemon:
            self.paused_with_jobs(daemon, 1)
            lost = daemon.accepted(json.dumps("y" * 30_000))
            shutil.rmtree(daemon.folder / "state" / "jobs" / "spool")
            whole = daemon.accepted(json.dumps("y" * 30_000))
            daemon.ctl("queue", "resume", "kept")
            daemon.ctl("wait", lost, whole)
            self.assertEqual(daemon.ctl("result", whole, "--raw").stdout, "30002\n".replace("30002", "30000"))
            job = daemon.job(lost)
            self.assertEqual(job["state"], "failed")
            self.assertIn("no such file or directory", json.dumps(job))


class FailedSync(unittest.TestCase):
    def setUp(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")

    def make_syncs_fail(self, daemon, which="fsync,fdatasync:error=EIO"):
        tracer = subprocess.Popen(["strace", "-f", "-p", str(daemon.process.pid), "-o", os.devnull, "-e", "trace=fsync,fdatasync",
                                   "-e", "inject=" + which], stderr=subprocess.PIPE, text=True)
        tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task")

        def traced():
            if tracer.poll() is not None:
                self.skipTest("strace may not trace: " + tracer.stderr.read())
            return all("TracerPid:\t0" not in (task / "status").read_text() for task in tasks.iterdir())

        daemon.wait_until(traced)
        return tracer

    def test_it_stops_the_store_which_is_told_and_never_tried_again(self):
        with TroubledDaemon() as daemon:
            kept = daemon.accepted("1")
            daemon.ctl("wait", kept)
            daemon.ctl("queue", "pause", "kept")
            waiting = daemon.accepted("2")
            waiter = subprocess.Popen(daemon.ctl_command("wait", waiting), stderr=subprocess.PIPE, text=True)
            tracer = self.make_syncs_fail(daemon)
            refused = daemon.submit("3")
            self.end(tracer)
            self.assertEqual(refused.returncode, 1)
            for words in ("fsync failed: input/output error", "nothing is written any more until the daemon is started anew",
                          "see to it, then restart piniond"):
                self.assertIn(words, refused.stderr)
            self.assertIn("fsync failed", waiter.communicate(timeout=PATIENCE)[1], "who waits is not to wait for ever")
            self.assertIn("fsync failed", daemon.submit("4").stderr, "that it works again proves nothing")
            self.assertIn("fsync failed", daemon.ctl("wait", waiting).stderr)
            self.assertIn(f"cancel job {waiting}: the job store takes nothing", daemon.ctl("jobs", "cancel", waiting).stderr)
            drain = daemon.ctl("queue", "drain", "kept")
            self.assertEqual(drain.returncode, 1, "it is forgotten with the daemon")
            self.assertIn("drain the queue of 'kept': it takes effect, but is not on disk", drain.stderr)
            self.assertIn("fsync failed", drain.stderr)
            daemon.others_go_on(self)
            daemon.stop()
            daemon.start()
            self.assertEqual(daemon.state_of(kept), "done")
            self.assertIn("paused", daemon.ctl("why", waiting).stdout, "as it was before")
            daemon.ctl("queue", "resume", "kept")
            self.assertEqual(daemon.ctl("wait", waiting).returncode, 0)

    # SQLite syncs by fdatasync, so fsync is of the files beside it alone: of the file, then of its folder.
    OF_FILES = ("fsync:error=EIO:when=1", "fsync:error=EIO:when=2")

    def test_a_large_input_is_acknowledged_once_its_file_and_the_folder_are_synced(self):
        for which in self.OF_FILES:
            with self.subTest(which), TroubledDaemon() as daemon:
                tracer = self.make_syncs_fail(daemon, which)
                loose = daemon.ctl("submit", "loose", json.dumps("y" * 30_000))
                self.assertEqual(loose.returncode, 0, loose.stderr)
                self.assertEqual(daemon.ctl("wait", loose.stdout.strip()).returncode, 0, "it promised less")
                refused = daemon.submit(json.dumps("y" * 30_000))
                self.assertEqual((refused.returncode, refused.stdout), (1, ""))
                self.assertRegex(refused.stderr, "submit to 'kept'.*fsync '[^']*/spool.*input/output error")
                self.end(tracer)
                daemon.others_go_on(self)

    def test_a_large_result_is_told_once_its_file_and_the_folder_are_synced(self):
        for which in self.OF_FILES:
            with self.subTest(which), TroubledDaemon() as daemon:
                self.assertEqual(daemon.ctl("wait", daemon.accepted("1")).returncode, 0, "its worker is there")
                tracer = self.make_syncs_fail(daemon, which)
                large = json.dumps({"large": 30_000})
                loose = daemon.ctl("submit", "loose", large).stdout.strip()
                self.assertEqual(len(daemon.map("loose", large).stdout), 30_003, "it promised less")
                self.assertEqual(daemon.ctl("wait", loose).returncode, 0)
                number = daemon.accepted(large)
                ended = daemon.ctl("wait", number)
                self.assertEqual(ended.returncode, 1)
                self.assertRegex(ended.stderr, "fsync '[^']*/spool.*input/output error")
                self.end(tracer)
                daemon.stop()
                daemon.start()
                self.assertEqual(daemon.ctl("wait", number).returncode, 0)
                self.assertEqual(len(daemon.ctl("result", number, "--raw").stdout), 30_001)

    def end(self, tracer):
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()


    def test_a_job_in_memory_that_pushes_to_it_fails_and_says_why(self):
        with TroubledDaemon() as daemon:
            daemon.ctl("wait", daemon.accepted("1"))
            tracer = self.make_syncs_fail(daemon)
            pushing = json.dumps({"push": "kept"})
            first = daemon.map("fleeting", pushing, '"a"', "--unordered", "--json")
            tracer.send_signal(signal.SIGINT)
            tracer.communicate()
            later = daemon.ctl("submit", "fleeting", pushing).stdout.strip()
            self.assertEqual(daemon.ctl("wait", later, "--timeout", "20s").returncode, 1)
            rows = sorted((json.loads(line) for line in first.stdout.splitlines()), key=lambda row: row["index"])
            self.assertEqual([row["state"] for row in rows], ["failed", "done"])
            for row in (rows[0], daemon.job(later)["attempts"][0]):
                self.assertEqual(row["error"]["type"], "refused_push")
                for words in ("push to 'kept': the job store takes nothing", "fsync failed", "restart piniond"):
                    self.assertIn(words, row["error"]["message"])
            self.assertIn("refused_push", daemon.ctl("jobs", "list", "fleeting", "--failed").stdout)
            daemon.others_go_on(self)


class NoDescriptors(unittest.TestCase):
    """The daemon's last descriptors are taken from it, and given back."""

    def test_a_job_whose_input_can_not_be_opened_waits_for_it(self):
        with TroubledDaemon() as daemon:
            daemon.ctl("queue", "pause", "kept")
            number = daemon.accepted(json.dumps("y" * 30_000))
            client = Client(daemon.folder)
            client.tell("queue", {"pool": "kept", "verb": "resume"}, 1, receive=False)
            pid = daemon.process.pid
            before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
            client.flush()
            self.assertEqual(client.receive()[0], "answer")
            late = subprocess.Popen(daemon.ctl_command("wait", number), stderr=subprocess.PIPE, text=True)
            self.assertIsNone(self.exit_within(late, 0.4))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            self.assertEqual(late.wait(PATIENCE), 0, late.stderr.read())
            self.assertEqual(daemon.state_of(number), "done")

    def exit_within(self, process, seconds):
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


def enter_namespace():
    """Runs itself again where mounts are its own and go with it."""
    if os.environ.get("PINION_NAMESPACE") or os.geteuid() != 0:
        return
    os.environ["PINION_NAMESPACE"] = "0"
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0:
        os.environ["PINION_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, "-B", *sys.argv])


if __name__ == "__main__":
    enter_namespace()
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
