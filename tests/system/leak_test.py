# SPDX-License-Identifier: Apache-2.0
"""Thousands of restarts: the daemon holds as many fds, cgroups, children and as much memory after them as before.

PINION_RESTARTS is their number; `./dev soak` asks for more than the usual 3,000.
"""
import collections
import glob
import json
import os
import re

from harness.pinion import CGROUP
from harness.testing import expect, expect_equal, test, wait_until

RESTARTS = int(os.environ.get("PINION_RESTARTS", "3000"))
WARM = 500  # restarts before the first count: histories, buffers and the allocator's arenas have their size then
ALLOWED_KIB = 512  # an allocator's rest; a leak of only 200 bytes a restart is more
SECONDS = 40


def kinds_of_fds(box, daemon):
    """For a failure: what the daemon holds, without the numbers."""
    held = [re.sub(r"[0-9]+", "N", os.readlink(link)) for link in glob.glob(box.path(f"/proc/{daemon}/fd/*"))]
    return sorted(collections.Counter(held).items())


def census(box, daemon):
    memory = {words[0]: int(words[1]) for words in (line.split() for line in
              box.read(f"/proc/{daemon}/smaps_rollup").splitlines()[1:])}
    return {
        "fds": len(os.listdir(box.path(f"/proc/{daemon}/fd"))),
        "threads": len(os.listdir(box.path(f"/proc/{daemon}/task"))),
        "cgroups": len(box.pinion.cgroups()),
        "processes": len(box.processes()),
        # Not what is private and dirty: pages of a binary on a tmpfs count as such whenever nobody else maps them.
        "KiB": memory["Anonymous:"],
    }


def spawns(box):
    answer = box.ask("busctl", "--json=short", "call", "org.pinion.Pinion1", "/org/pinion/Pinion1",
                     "org.pinion.Pinion1.Manager", "Stats")
    return json.loads(answer)["data"][0]["spawns"]["data"]


def storm(box):
    """Each worker has a child that outlives it, writes a line, and dies in one of two ways."""
    box.pinion.pool("storm", workers=16, restart="{delay: 1ms, max_delay: 2ms}",
                    command="[sh, -c, 'sleep 1000000 & echo $$$$; test $$(($$$$ % 2)) = 0 && exit 1; kill -9 $$$$']")


def quiet_census(box, daemon):
    """Counted once the pool has left: the least of a few looks, as a client's connection may not be gone yet."""
    box.pinion.mark()
    box.pinion.forget("storm")
    box.pinion.await_entry("PINION_EVENT=pool-removed", seconds=30)
    looks = [census(box, daemon) for _ in range(5)]
    return {name: min(look[name] for look in looks) for name in looks[0]}


@test
def thousands_of_restarts_leak_nothing(box):
    storm(box)
    box.pinion.start()
    daemon = box.pinion.main_pid()
    # The bus and the journal come to their working size, too.
    wait_until(f"{WARM} restarts", lambda: spawns(box) > WARM, 120)
    before, kinds = quiet_census(box, daemon), kinds_of_fds(box, daemon)
    begun = spawns(box)
    storm(box)
    wait_until(f"{RESTARTS} more restarts", lambda: spawns(box) > begun + RESTARTS, 60 + RESTARTS / 20)
    after = quiet_census(box, daemon)
    expect_equal(box.pinion.main_pid(), daemon, "the daemon's pid")
    for name, allowed in before.items():
        allowed += ALLOWED_KIB if name == "KiB" else 0
        expect(after[name] <= allowed, f"at most {allowed} {name} after {RESTARTS} restarts, found {after[name]}; "
               f"fds before {kinds}, after {kinds_of_fds(box, daemon)}")
    expect_equal(box.processes_with("sleep 1000000"), [], "children that outlived their workers")
    box.run("systemctl", "stop", "pinion")
    expect(not box.exists(CGROUP), "the unit's cgroup is gone")
