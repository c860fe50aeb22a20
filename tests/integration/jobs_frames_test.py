#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers of `protocol: frames` that were written without our kit, and misbehave: jobs_frames_test.py BIN_FOLDER SOURCE_FOLDER"""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from jobs_test import Daemon, config  # noqa: E402

# Does what its input says. docs/protocol.md is all that it knows.
WORKER = r"""
import json, os, socket, struct, sys, time
HEAD = struct.Struct("<IBBHQII")
RESULT, PROGRESS, HELLO = 2, 4, 16
sock = socket.socket(fileno=os.dup(int(os.environ["PINION_FD"])))
stream = sock.makefile("rb")
def send(kind, id, text, codec=1, reserved=0):
    payload = text.encode()
    sock.sendall(HEAD.pack(len(payload), kind, codec, 0, id, 0, reserved) + payload)
def answer(id, value):
    send(RESULT, id, json.dumps(value))
held = []
while head := stream.read(HEAD.size):
    length, kind, codec, flags, id, remaining, reserved = HEAD.unpack(head)
    wish = json.loads(stream.read(length))
    if wish == "print":
        print("a word on standard output", flush=True)
    elif wish == "remaining":
        wish = [flags, remaining]
    elif wish == "twice":
        answer(id, "first")
    elif wish == "unknown":
        answer(id + 1000, "whose")
    elif wish == "text":
        send(RESULT, id, "no JSON")
        continue
    elif wish == "reserved":
        send(RESULT, id, "1", reserved=7)
    elif wish == "client":
        send(HELLO, id, "{}")
    elif wish == "huge":
        sock.sendall(HEAD.pack(100 << 20, RESULT, 1, 0, id, 0, 0))
    elif wish == "half":
        sock.sendall(HEAD.pack(1, RESULT, 1, 0, id, 0, 0)[:10])
        os._exit(0)
    elif wish == "never":
        time.sleep(1000)
    elif wish == "hold":
        held.append(id)
        continue
    answer(id, wish)
    for late in held:
        answer(late, "held")
    held = []
"""


def pool(name, more=""):
    return f"""
  {name}:
    kind: jobs
    protocol: frames
    command: [python3, -S, -c, {json.dumps(WORKER)}]
    workers: 1
    cpu: none
    restart: {{delay: 1ms, max_delay: 1ms}}
{more}"""


class Frames(unittest.TestCase):
    """One daemon: whatever a worker does, the next job is done."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(config(pool("p", "    job: {attempts: 2, delay: 1ms}\n"),
                                   pool("timed", "    job: {attempts: 1, timeout: 200ms}\n"),
                                   pool("hour", "    job: {timeout: 1h}\n"),
                                   pool("two", "    concurrency: 2\n")))

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def rows(self, pool_name, *wishes):
        answer = self.daemon.map(pool_name, *map(json.dumps, wishes), "--json")
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def row(self, wish, pool_name="p"):
        (row,) = self.rows(pool_name, wish)
        return row

    def ends_its_worker(self, wish, words):
        row = self.row(wish)
        self.assertEqual((row["state"], row["attempts"]), ("failed", 2), row)
        self.assertEqual(row["error"]["type"], "crash", row)
        self.assertIn(words, self.daemon.log())
        self.assertEqual(self.row("next")["result"], "next", "the pool lives")

    def test_standard_output_is_the_log(self):
        row = self.row("print")
        self.assertEqual(row["result"], "print")
        # It comes by another way than the answer.
        self.daemon.wait_until(lambda: "a word on standard output" in self.daemon.log())

    def test_attempt_and_deadline_are_in_the_header(self):
        attempt, remaining = self.row("remaining", "hour")["result"]
        self.assertEqual(attempt, 1)
        self.assertTrue(0 < remaining <= 3600_000, remaining)

    def test_one_that_answers_twice_is_believed_once(self):
        self.assertEqual(self.row("twice")["result"], "first")
        self.assertEqual(self.row("next")["result"], "next")

    def test_an_answer_for_another_is_a_stray(self):
        self.assertEqual(self.row("unknown")["result"], "unknown")
        self.assertIn("which it does not have", self.daemon.log())

    def test_a_result_that_is_no_json_is_refused(self):
        row = self.row("text")
        self.assertEqual(row["state"], "failed")
        self.assertIn("its result is not JSON", json.dumps(row["error"]))

    def test_one_that_breaks_the_protocol_is_ended(self):
        for wish in ("reserved", "client", "huge"):
            with self.subTest(wish):
                self.ends_its_worker(wish, "broke the protocol")

    def test_half_a_frame_is_none(self):
        self.ends_its_worker("half", "exit 0")

    def test_one_that_never_answers_is_timed_out(self):
        self.assertEqual(self.row("never", "timed")["error"]["type"], "timeout")

    def test_one_that_has_two_at_once_answers_in_any_order(self):
        rows = self.rows("two", "hold", "go")
        self.assertEqual([row["result"] for row in rows], ["held", "go"])


if __name__ == "__main__":
    del sys.argv[1:]
    unittest.main()
