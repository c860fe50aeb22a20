# SPDX-License-Identifier: Apache-2.0
"""Seats on a machine whose CPUs come and go: who stays, who moves where, who comes home; drift; the daemon's own death.

Eight CPUs, two nodes, cores {0,1} {2,3} {4,5} {6,7}.
"""
from harness.pinion import Pinion
from harness.testing import expect, expect_equal, test, wait_until

LEDGER = "/run/pinion/ledger"
ALL = set(range(8))


def open_box(lab):
    return lab.machine()


def cpus_of(text):
    """The kernel's list format, as a set."""
    found = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1)) if first else set()
    return found


def allowed(box, pid):
    """The CPUs that the kernel lets a process use now."""
    return cpus_of(box.ask("taskset", "-pc", str(pid)).rpartition(":")[2])


def masks(box, *pools):
    """(pool, slot) → the mask in force."""
    return {(pool, slot): allowed(box, worker["pid"]) for pool in pools for slot, worker in box.pinion.workers(pool).items()}


def switch(box, cpu, on):
    box.run("sh", "-c", f"echo {int(on)} > /sys/devices/system/cpu/cpu{cpu}/online")


def prepared(box, audit="5s", **pools):
    """Pinion with these pools and nothing else, all CPUs online."""
    if not hasattr(box, "pinion"):
        box.run("sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg --install /root/debs/*.deb", timeout=180)
        box.pinion = Pinion(box)
    for cpu in range(1, 8):
        switch(box, cpu, True)
    box.pinion.reset()
    box.run("systemctl", "revert", "pinion.service")
    box.run("rm", "-f", LEDGER)
    box.write("/etc/pinion/pinion.yaml", f"machine: {{enforce: affinity, audit: {audit}}}\n")
    for name, keys in pools.items():
        box.pinion.pool(name, **keys)
    box.pinion.start()
    for name, keys in pools.items():
        box.pinion.running(name, keys["workers"], seconds=60)


# Switches CPUs on, then watches a process from within: seconds until it may use them all again, and nothing else.
COMING_HOME = """
import os, sys, time
pid, cpus = int(sys.argv[1]), {int(cpu) for cpu in sys.argv[2:]}
for cpu in sorted(cpus):
    with open(f"/sys/devices/system/cpu/cpu{cpu}/online", "w") as file:
        file.write("1")
began = time.monotonic()
while os.sched_getaffinity(pid) != cpus:
    if time.monotonic() > began + 60:
        sys.exit(f"still on {sorted(os.sched_getaffinity(pid))}")
    time.sleep(0.01)
print(time.monotonic() - began)
"""


def seconds_to_come_home(box, pid, cpus):
    """By the box's own clock, and without the time that a command takes to reach it."""
    return float(box.ask("python3", "-c", COMING_HOME, str(pid), *map(str, sorted(cpus)), timeout=90))


def expect_masks(box, wanted, seconds, what):
    """Waits until the masks of these workers are as wanted."""
    pools = {pool for pool, _ in wanted}
    wait_until(f"{what}: {wanted}", lambda: {key: mask for key, mask in masks(box, *pools).items() if key in wanted} == wanted,
               seconds)


@test
def another_cpu_that_goes_and_comes_leaves_every_pin_as_it_was(box):
    prepared(box, api={"workers": 2, "cpu": "1 core"})
    before = masks(box, "api")
    others = ALL - before["api", 0] - before["api", 1]
    switch(box, max(others), False)
    box.pinion.await_entry("PINION_EVENT=cpus-changed", containing=f"gone: {max(others)}", seconds=20)
    expect_masks(box, before, 10, "an unrelated CPU is offline")
    switch(box, max(others), True)
    box.pinion.await_entry("PINION_EVENT=cpus-changed", containing=f"come: {max(others)}", seconds=20)
    expect_masks(box, before, 10, "it is back")
    expect_equal(box.pinion.journal("PINION_EVENT=seat-moved"), [], "nobody was told to move")


@test
def without_an_audit_masks_are_looked_at_when_cpus_come_and_go(box):
    prepared(box, audit="0", api={"workers": 2, "cpu": "1 core"})
    before = masks(box, "api")
    pid = box.pinion.workers("api")[0]["pid"]
    box.run("taskset", "-pc", "0-6", str(pid))
    other = max(ALL - before["api", 0] - before["api", 1])
    switch(box, other, False)
    expect_masks(box, before, 10, "a mask that somebody had set before")
    switch(box, other, True)


@test
def a_worker_whose_core_goes_sits_elsewhere_and_comes_home(box):
    prepared(box, api={"workers": 2, "cpu": "1 core"}, floats={"workers": 1, "cpu": "none"})
    before = masks(box, "api", "floats")
    lost, kept = before["api", 1], before["api", 0]
    for cpu in sorted(lost):
        switch(box, cpu, False)
    moved = wait_until("api/1 sits elsewhere, alone", lambda: (lambda now: now["api", 1] if len(now["api", 1]) == 2
                       and not now["api", 1] & (lost | kept | now["floats", 0]) else None)(masks(box, "api", "floats")), 10)
    expect_equal(masks(box, "api")["api", 0], kept, "its neighbour's seat")
    worker = box.pinion.workers("api")[1]
    expect(worker["pid"] > 0, "it runs on")
    box.pinion.await_entry("PINION_EVENT=seat-moved", "PINION_SLOT=1", containing="sits on", seconds=10)
    expect(masks(box, "api")["api", 1] == moved, "it stays where it is until they are back")
    took = seconds_to_come_home(box, worker["pid"], lost)
    print(f"        home {took:.2f} s after its last CPU came on", flush=True)
    expect(4.5 < took < 6, f"home within six seconds of its CPUs, and not before they were there for a while: {took:.2f} s")
    expect_masks(box, {("api", 1): lost, ("api", 0): kept}, 10, "home again")
    expect("chosen when" in box.pinion.ctl("explain", "api/0").out, "api/0 was planned there")
    expect("It came home" in box.pinion.ctl("explain", "api/1").out, "api/1 came home")
    box.pinion.await_entry("PINION_EVENT=seat-home", "PINION_SLOT=1", seconds=10)
    expect_equal(masks(box, "floats"), {("floats", 0): before["floats", 0]}, "who floats")


@test
def a_worker_that_lost_half_its_core_keeps_the_rest(box):
    prepared(box, api={"workers": 2, "cpu": "1 core"})
    before = masks(box, "api")
    gone = max(before["api", 1])
    switch(box, gone, False)
    expect_masks(box, {**before, ("api", 1): before["api", 1] - {gone}}, 10, "half a core")
    box.pinion.await_entry("PINION_EVENT=seat-moved", containing="keeps", seconds=10)
    pool = box.pinion.ctl("status").out
    expect("degraded" in pool, f"the pool is shown as degraded:\n{pool}")
    expect_equal(box.attempt("pinionctl", "is-healthy", "api").code, 3, "is-healthy")
    wait_until("the unit's status says so", lambda: "api degraded: api/1: keeps" in box.pinion.unit("StatusText"), 10)
    why = box.pinion.ctl("explain", "api/1").out
    expect(f"because CPU {gone} of its own seat" in " ".join(why.split()), f"explain says what is missing:\n{why}")
    switch(box, gone, True)
    expect_masks(box, before, 15, "whole again")
    wait_until("it is healthy", lambda: box.attempt("pinionctl", "is-healthy", "api").code == 0, 10)
    wait_until("the unit's status is fine", lambda: "degraded" not in box.pinion.unit("StatusText"), 10)


@test
def a_cpuset_that_shrinks_and_grows_is_followed(box):
    prepared(box, api={"workers": 2, "cpu": "1 core"})
    before = masks(box, "api")
    left = ALL - before["api", 1]
    box.run("systemctl", "set-property", "--runtime", "pinion.service", "AllowedCPUs=" + ",".join(map(str, sorted(left))))
    wait_until("api/1 leaves what is not ours any more", lambda: not masks(box, "api")["api", 1] & before["api", 1], 10)
    now = masks(box, "api")
    expect(len(now["api", 1]) == 2 and not now["api", 1] & now["api", 0], f"a seat of its own: {now}")
    expect_masks(box, {("api", 0): before["api", 0]}, 10, "the other stays")
    box.run("systemctl", "set-property", "--runtime", "pinion.service", "AllowedCPUs=0-7")
    expect_masks(box, before, 20, "home again")


@test
def a_strangers_mask_is_taken_back_and_a_fight_is_left(box):
    prepared(box, audit="500ms", api={"workers": 2, "cpu": "1 core"})
    before = masks(box, "api")
    pid = box.pinion.workers("api")[0]["pid"]
    for turn in range(1, 7):
        box.run("taskset", "-pc", "0-6", str(pid))
        if turn < 6:
            wait_until(f"repair {turn}", lambda: allowed(box, pid) == before["api", 0], 10)
    box.pinion.await_entry("PINION_EVENT=seat-contested", "PINION_POOL=api", "PINION_SLOT=0", seconds=10)
    drifts = box.pinion.journal("PINION_EVENT=seat-drift")
    expect_equal(len(drifts), 5, "repairs that were recorded")
    expect("taskset" in drifts[0]["MESSAGE"] and "'0-6'" in drifts[0]["MESSAGE"], f"who and what: {drifts[0]['MESSAGE']}")
    expect_equal(allowed(box, pid), set(range(7)), "it is left alone")
    expect("degraded" in box.pinion.ctl("status").out, "the pool is shown as degraded")
    expect_equal(allowed(box, box.pinion.workers("api")[1]["pid"]), before["api", 1], "its neighbour")
    box.run("taskset", "-pc", str(min(before["api", 0])), str(pid))
    box.pinion.ctl("reload")
    box.run("taskset", "-pc", "0-7", str(pid))
    wait_until("after a reload it is taken back again", lambda: allowed(box, pid) == before["api", 0], 10)


@test
def what_a_worker_has_started_is_held_too(box):
    prepared(box, audit="500ms", api={"workers": 1, "cpu": "1 core", "command": "[/bin/sh, -c, 'sleep 1000 & wait']"})
    seat = masks(box, "api")["api", 0]
    pid = box.pinion.workers("api")[0]["pid"]
    child = int(box.ask("cat", f"/proc/{pid}/task/{pid}/children").split()[0])
    box.run("taskset", "-pc", "0-6", str(child))
    wait_until("its child is put back", lambda: allowed(box, child) == seat, 10)
    drift = box.pinion.await_entry("PINION_EVENT=seat-drift", "PINION_SLOT=0", seconds=10)
    expect_equal(drift["OBJECT_PID"], str(child), "who drifted")


@test
def nobody_moves_when_the_daemon_dies_or_the_files_change_their_order(box):
    prepared(box, one={"workers": 1, "cpu": "1 core"}, two={"workers": 2, "cpu": "1 thread"}, soft={"workers": 3})
    # An order of coming that a fresh plan would not have.
    box.pinion.pool("alpha", workers=1, cpu="1 thread")
    box.pinion.ctl("reload")
    box.pinion.running("alpha", 1, seconds=30)
    before = masks(box, "one", "two", "soft", "alpha")
    old = box.pinion.main_pid()
    box.run("kill", "-9", str(old))
    wait_until("another daemon", lambda: box.pinion.main_pid() not in (0, old), 30)
    for pool, count in (("one", 1), ("two", 2), ("soft", 3), ("alpha", 1)):
        box.pinion.running(pool, count, seconds=60)
    expect_equal(masks(box, "one", "two", "soft", "alpha"), before, "seats after its death")
    box.run("systemctl", "restart", "pinion", timeout=120)
    for pool, count in (("one", 1), ("two", 2), ("soft", 3), ("alpha", 1)):
        box.pinion.running(pool, count, seconds=60)
    expect_equal(masks(box, "one", "two", "soft", "alpha"), before, "seats after a restart")
    box.run("sh", "-c", "cd /etc/pinion/pools.d && mv one.yaml zz.yaml && mv two.yaml aa.yaml")
    box.pinion.ctl("reload")
    expect_equal(masks(box, "one", "two", "soft", "alpha"), before, "seats with other file names")


@test
def a_ledger_of_nothing_or_of_garbage_is_ignored_with_one_notice(box):
    prepared(box, api={"workers": 2, "cpu": "1 core"})
    before = masks(box, "api")
    for make in (f": > {LEDGER}", f"head -c 100000 /dev/urandom > {LEDGER}", f"sed -i 's/^boot .*/boot other/' {LEDGER}"):
        pid = box.pinion.main_pid()
        box.pinion.mark()
        box.run("sh", "-c", f"{make}; kill -9 {pid}")
        wait_until("another daemon", lambda: box.pinion.main_pid() not in (0, pid), 30)
        box.pinion.running("api", 2, seconds=60)
        expect_equal(len(box.pinion.journal("PINION_EVENT=ledger-ignored")), 1, f"notices after '{make}'")
        expect_equal(masks(box, "api"), before, "the cold plan's seats")


@test
def the_daemon_keeps_off_the_seats_that_workers_own(box):
    prepared(box, api={"workers": 2, "cpu": "1 core"})
    owned = set().union(*masks(box, "api").values())
    expect_equal(allowed(box, box.pinion.main_pid()), ALL - owned, "the daemon's own CPUs")
