# SPDX-License-Identifier: Apache-2.0
"""The worst: the daemon is killed or hangs, workers ignore what they are told and hide what they started."""
from harness.testing import expect, expect_equal, test, wait_until

# Ignores SIGTERM and leaves two processes that escaped: a session of their own, begun twice, adopted by somebody else,
# ignoring SIGTERM and SIGHUP too.
STUBBORN = """#!/bin/sh
trap '' TERM HUP
for name in first second; do
    setsid sh -c "setsid sh -c 'trap \\"\\" TERM HUP; exec -a escaped-$name sleep 1000000' & exit" &
done
exec -a stubborn sleep 1000000
"""


def stubborn_pool(box, workers):
    # bash, for exec -a.
    box.write("/usr/local/bin/stubborn", STUBBORN.replace("/bin/sh", "/bin/bash").replace("sh -c", "bash -c"), 0o755)
    box.pinion.pool("hard", command="[/usr/local/bin/stubborn]", workers=workers, stop="{timeout: 300ms}")
    box.pinion.start()
    box.pinion.running("hard", workers)
    wait_until("every worker and what it hides runs",
               lambda: len(box.processes_with("stubborn sleep") + box.processes_with("stubborn 1000000")) >= workers
               and len(box.processes_with("escaped-")) == 2 * workers)


def nothing_left(box):
    return box.processes_with("1000000") == []


@test
def a_killed_daemon_comes_back_and_nothing_of_its_old_workers_is_left(box):
    box.pinion.pool("web", workers=3)
    stubborn_pool(box, 2)
    daemon, web = box.pinion.main_pid(), box.pinion.pids("web")
    hidden = box.processes_with("1000000")
    box.run("kill", "-KILL", str(daemon))
    wait_until("another daemon is up", lambda: box.pinion.main_pid() not in (0, daemon)
               and box.pinion.unit("ActiveState") == "active")
    expect(not set(box.pinion.running("web", 3)) & set(web), "other workers")
    box.pinion.running("hard", 2)
    wait_until("the new workers hide as many as the old", lambda: len(box.processes_with("escaped-")) == 4)
    left = set(box.processes_with("1000000")) & set(hidden)
    expect_equal(left, set(), "old processes that are left")
    expect_equal(box.pinion.unit("NRestarts"), "1", "restarts that systemd counted")


@test
def a_daemon_that_hangs_is_killed_by_the_watchdog_and_started_again(box):
    box.pinion.drop_in("[Service]\nWatchdogSec=2s\n")
    box.pinion.pool("web", workers=2)
    box.pinion.start()
    daemon, web = box.pinion.main_pid(), box.pinion.running("web", 2)
    box.run("kill", "-STOP", str(daemon))
    wait_until("another daemon is up", lambda: box.pinion.main_pid() not in (0, daemon)
               and box.pinion.unit("ActiveState") == "active", 20)
    box.pinion.await_entry("_PID=1", "UNIT=pinion.service", containing="Watchdog timeout")
    expect(not set(box.pinion.running("web", 2)) & set(web), "other workers")
    expect_equal(len(box.processes_with("tail -f /dev/null")), 2, "workers in all")


@test
def a_daemon_that_answers_its_watchdog_is_left_alone(box):
    box.pinion.drop_in("[Service]\nWatchdogSec=500ms\n")
    box.pinion.pool("web", workers=1)
    box.pinion.start()
    daemon = box.pinion.main_pid()

    def pings():
        return int(box.ask("systemctl", "show", "-P", "WatchdogTimestampMonotonic", "pinion"))
    first = pings()
    wait_until("three watchdog periods are over", lambda: pings() - first > 1_500_000)
    expect_equal(box.pinion.main_pid(), daemon, "the daemon's pid")


@test
def a_stop_leaves_nothing_of_workers_that_ignore_it_and_hide_their_children(box):
    stubborn_pool(box, 3)
    box.run("systemctl", "stop", "pinion")
    expect(nothing_left(box), "no process of the workers is left")
    expect_equal(box.pinion.unit("Result"), "success", "result of the stop")
    expect_equal(len(box.pinion.journal("PINION_EVENT=worker-killed")), 3, "records of a SIGKILL")


@test
def a_worker_that_dies_takes_what_it_hid_with_it_before_its_successor_begins(box):
    stubborn_pool(box, 1)
    old = box.processes_with("1000000")
    box.run("kill", "-KILL", str(box.pinion.pids("hard")[0]))
    wait_until("the successor and what it hides run", lambda: len(box.processes_with("escaped-")) == 2
               and not set(box.processes_with("1000000")) & set(old))


@test
def a_stop_amid_a_crash_storm_leaves_nothing(box):
    box.pinion.pool("storm", command="[sh, -c, 'sleep 1000000 & exit 1']", workers=20,
                    restart="{delay: 1ms, max_delay: 5ms}")
    box.pinion.start()
    wait_until("the storm blows", lambda: len(box.pinion.journal("PINION_EVENT=worker-died")) > 100)
    box.run("systemctl", "stop", "pinion")
    expect(nothing_left(box), "no process of the workers is left")
