# SPDX-License-Identifier: Apache-2.0
"""journald stopped for a minute under load: no worker waits, no restart is late, the daemon answers, what is lost is told.

PINION_STALL is the number of seconds.
"""
import os
import time

from harness.testing import expect, expect_equal, test, wait_until

STALL = float(os.environ.get("PINION_STALL", "60"))
SECONDS = STALL + 10
UNITS = ("systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald.service")
# Counts its lines in a file of its own, so that its progress is seen without the journal.
CHATTY = """#!/usr/bin/python3
import os, sys, time
slot = os.environ["PINION_SLOT"]
counter = os.open(f"/run/chatty-{slot}", os.O_WRONLY | os.O_CREAT, 0o644)
number = 0
while True:
    for _ in range(50):
        number += 1
        print(f"line {number} of a worker that has much to say", flush=True)
    os.pwrite(counter, f"{number:12}".encode(), 0)
    time.sleep(0.05)
"""


def lines_written(box, slot):
    text = box.read(f"/run/chatty-{slot}") if box.exists(f"/run/chatty-{slot}") else ""
    return int(text or "0")


def load(box):
    box.write("/usr/local/bin/chatty", CHATTY, 0o755)
    box.pinion.pool("chatty", workers=2, command="[/usr/local/bin/chatty]")
    box.pinion.pool("storm", workers=2, command="[sh, -c, 'exit 1']", restart="{delay: 100ms, max_delay: 100ms}")
    box.pinion.pool("idle", workers=2)
    box.pinion.start()
    wait_until("both talk", lambda: lines_written(box, 0) and lines_written(box, 1))
    return box.pinion.running("idle", 2)


def exits(box, pool):
    return sum(worker["generation"] for worker in box.pinion.workers(pool).values())


def stall_for(box, seconds, stalled, resume):
    """Looks again and again while journald is away. Returns what went wrong, if anything."""
    stalled()
    try:
        began = time.monotonic()
        lines, deaths = [lines_written(box, slot) for slot in (0, 1)], exits(box, "storm")
        slowest = 0.0
        while time.monotonic() - began < seconds:
            asked = time.monotonic()
            box.pinion.ctl("status")
            slowest = max(slowest, time.monotonic() - asked)

            def goes_on(lines=lines, deaths=deaths):
                return (all(lines_written(box, slot) > lines[slot] for slot in (0, 1))
                        and exits(box, "storm") > deaths)
            wait_until("workers write and are restarted without a journal", goes_on, 5)
            lines, deaths = [lines_written(box, slot) for slot in (0, 1)], exits(box, "storm")
        return slowest
    finally:
        resume()


@test
def a_journal_that_is_away_holds_up_neither_the_workers_nor_the_daemon(box):
    idle = load(box)
    daemon = box.pinion.main_pid()
    slowest = stall_for(box, STALL, lambda: box.run("systemctl", "stop", *UNITS),
                        lambda: box.run("systemctl", "start", *UNITS))
    expect(slowest < 2, f"pinionctl status answers within 2 s all the time, took {slowest:.1f} s")
    box.pinion.mark()
    expect_equal(box.pinion.main_pid(), daemon, "the daemon's pid")
    expect_equal(box.pinion.pids("idle"), idle, "idle workers")
    box.pinion.await_entry("SYSLOG_IDENTIFIER=chatty", containing="of a worker that has much to say")
    box.pinion.await_entry("PINION_EVENT=worker-died", "PINION_POOL=storm")
    box.pinion.await_entry("PINION_EVENT=output-dropped", seconds=30)


@test
def a_journal_that_hangs_holds_up_neither_the_workers_nor_the_daemon(box):
    idle = load(box)
    daemon, journald = box.pinion.main_pid(), box.ask("systemctl", "show", "-P", "MainPID", "systemd-journald")
    # Its own watchdog would end it after three minutes; it is woken long before.
    slowest = stall_for(box, min(STALL, 10), lambda: box.run("kill", "-STOP", journald),
                        lambda: box.run("kill", "-CONT", journald))
    expect(slowest < 2, f"pinionctl status answers within 2 s all the time, took {slowest:.1f} s")
    box.pinion.mark()
    expect_equal(box.pinion.main_pid(), daemon, "the daemon's pid")
    expect_equal(box.pinion.pids("idle"), idle, "idle workers")
    box.pinion.await_entry("SYSLOG_IDENTIFIER=chatty", containing="of a worker that has much to say")
    box.pinion.await_entry("PINION_EVENT=worker-died", "PINION_POOL=storm", seconds=30)
