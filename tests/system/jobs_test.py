# SPDX-License-Identifier: Apache-2.0
"""Job pools as root installs them: who may submit, by the kernel's word for who asks, and queues that outlive the daemon."""
import json

from harness.testing import expect, expect_equal, expect_in, test

STRANGER = "alice"
MEMBER = "member"  # of the group pinion
ECHO = "[python3, -u, /root/echo.py]"
ECHO_PROGRAM = """\
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps({"id": job["id"], "result": job["input"]}))
"""


def start(box, **keys):
    box.write("/root/echo.py", ECHO_PROGRAM)
    box.pinion.pool("echo", kind="jobs", command=ECHO, **keys)
    box.pinion.start()
    box.pinion.running("echo", 1)


def do_one(box, user):
    return box.attempt("pinionctl", "map", "--raw", "echo", '"a word"', user=user)


@test
def the_group_pinion_may_submit_and_a_stranger_is_told_who_may(box):
    start(box)
    done = do_one(box, MEMBER)
    expect_equal((done.code, done.out), (0, "a word\n"), f"a member's submit ({done.err})")
    refused = do_one(box, STRANGER)
    expect(refused.code not in (0, None), "a stranger's submit fails")
    expect_equal(refused.out, "", "what a stranger gets")
    expect_in("may not use pool 'echo'", refused.err, "why")
    expect_in("'allow'", refused.err, "what to do")
    for words in (("jobs", "list"), ("jobs", "show", "1"), ("result", "1"), ("jobs", "cancel", "1"), ("jobs", "log", "1")):
        told = box.attempt("pinionctl", *words, user=STRANGER)
        expect("a word" not in told.out + told.err, f"'{' '.join(words)}' tells a stranger nothing of the job: {told.out}")
    expect(box.attempt("pinionctl", "queue", "pause", "echo", user=MEMBER).code != 0, "a member does not steer the queue")


@test
def whom_allow_names_may_submit_and_a_reload_takes_it_back(box):
    start(box, allow=f"{{users: [{STRANGER}], groups: []}}")
    expect_equal(do_one(box, STRANGER).out, "a word\n", "the named user's result")
    expect(do_one(box, MEMBER).code != 0, "the group is not named any more")
    box.pinion.pool("echo", kind="jobs", command=ECHO, allow=f"{{groups: [{MEMBER}]}}")
    box.pinion.ctl("reload")
    expect(do_one(box, STRANGER).code != 0, "who is not named any more is refused")
    expect_equal(do_one(box, MEMBER).out, "a word\n", "a member of the named group")


@test
def what_was_queued_is_done_after_the_unit_was_killed_and_restarted(box):
    start(box)
    box.pinion.ctl("queue", "pause", "echo")
    ids = [json.loads(line) for line in box.pinion.ctl("submit", "echo", "1", "2", "3").out.split()]
    box.run("kill", "-KILL", str(box.pinion.main_pid()))
    box.pinion.await_entry("UNIT=pinion.service", containing="Scheduled restart job", seconds=30)
    box.pinion.running("echo", 1)
    expect_in("paused", box.pinion.ctl("status").out, "the queue's mode after the restart")
    box.pinion.ctl("queue", "resume", "echo")
    expect_equal([box.pinion.ctl("result", str(one)).out for one in ids], ["1\n", "2\n", "3\n"], "results")
