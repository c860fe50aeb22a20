# SPDX-License-Identifier: Apache-2.0
"""The unit under systemctl: its life, when it counts as started, what it says of itself, where its workers live."""
import os
import re

from harness.pinion import CGROUP
from harness.testing import expect, expect_equal, expect_in, test, wait_until


@test
def with_only_the_package_installed_the_default_configuration_runs(box):
    box.pinion.start()
    expect_equal(box.pinion.unit("ActiveState"), "active", "state of the unit")
    expect_equal(box.pinion.unit("StatusText"), "0 pools, 0 of 0 workers running", "STATUS=")
    expect_equal(box.pinion.ctl("status").code, 0, "pinionctl status")
    expect_equal(box.pinion.journal("_SYSTEMD_UNIT=pinion.service", "PRIORITY=4"), [], "warnings")


@test
def start_reload_restart_and_stop_do_what_they_say(box):
    pinion = box.pinion
    pinion.pool("web", workers=2)
    pinion.start()
    daemon, workers = pinion.main_pid(), pinion.running("web", 2)

    pinion.pool("mail", workers=1)
    box.run("systemctl", "reload", "pinion")
    pinion.running("mail", 1)
    expect_equal(pinion.main_pid(), daemon, "the daemon's pid after a reload")
    expect_equal(pinion.pids("web"), workers, "workers of the unchanged pool after a reload")

    box.run("systemctl", "restart", "pinion")
    expect(pinion.main_pid() != daemon, "another daemon after a restart")
    expect(not set(pinion.running("web", 2)) & set(workers), "other workers after a restart")

    box.run("systemctl", "stop", "pinion")
    expect_equal(pinion.unit("Result"), "success", "result of the stop")
    expect_equal(box.processes_with("tail -f /dev/null"), [], "workers that are left")
    expect(not box.exists(CGROUP), "the unit's cgroup is gone")


@test
def status_shows_the_daemons_own_words(box):
    box.pinion.pool("web", workers=3)
    box.pinion.start()
    box.pinion.running("web", 3)
    wait_until("STATUS= counts the workers",
               lambda: box.pinion.unit("StatusText") == "1 pool, 3 of 3 workers running")
    shown = box.run("systemctl", "status", "pinion").out
    expect_in('Status: "1 pool, 3 of 3 workers running"', shown, "systemctl status")
    expect_in("tail -f /dev/null", shown, "the tree of systemctl status")


@test
def status_names_the_pool_that_is_in_trouble(box):
    box.pinion.pool("web", workers=2)
    box.pinion.pool("bad", command="[sh, -c, 'exit 3']", restart="{policy: never}")
    box.pinion.start()
    wait_until("STATUS= names the failed pool", lambda: "; bad failed" in box.pinion.unit("StatusText"))
    expect_in("exit 3", box.pinion.unit("StatusText"), "STATUS=")


@test
def a_unit_after_pinion_starts_only_when_pinion_is_ready(box):
    # Stopped before its first instruction, the daemon can't be ready: what waits for it must wait.
    box.pinion.drop_in("[Service]\nExecStart=\nExecStart=sh -c 'kill -STOP $$$$; exec /usr/sbin/piniond'\n")
    box.pinion.pool("web", workers=2)
    box.write("/etc/systemd/system/after.service",
              "[Unit]\nRequires=pinion.service\nAfter=pinion.service\n"
              "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=sh -c 'pinionctl --json status > /run/seen'\n")
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "start", "--no-block", "after")
    daemon = wait_until("the daemon is stopped", lambda: stopped_main(box))
    expect_equal(box.attempt("systemctl", "is-active", "pinion").out.strip(), "activating", "pinion before READY=1")
    expect_equal(box.attempt("systemctl", "is-active", "after").out.strip(), "inactive", "the unit after it")
    expect_in("after.service", box.ask("systemctl", "list-jobs", "--no-legend"), "jobs that wait")
    box.run("kill", "-CONT", str(daemon))
    wait_until("the unit after it is active", lambda: box.attempt("systemctl", "is-active", "after").code == 0)
    expect_equal(box.pinion.unit("ActiveState"), "active", "pinion")
    expect_equal(len(re.findall(r'"pid":\s*[1-9]', box.read("/run/seen"))), 2, "workers that the unit after it saw")
    box.run("systemctl", "stop", "after")


def stopped_main(box):
    pid = box.pinion.main_pid()
    return pid if pid and "\nState:\tT" in box.read(f"/proc/{pid}/status") else None


@test
def the_daemon_and_each_worker_have_a_cgroup_of_their_own_below_the_unit(box):
    box.pinion.pool("web", workers=2)
    box.pinion.start()
    pids = box.pinion.running("web", 2)
    unit = "/system.slice/pinion.service"
    expect_equal(box.pinion.cgroup_of(box.pinion.main_pid()), f"{unit}/_daemon", "the daemon's cgroup")
    expect_equal([box.pinion.cgroup_of(pid) for pid in pids], [f"{unit}/web/0", f"{unit}/web/1"], "the workers' cgroups")
    box.pinion.ctl("scale", "web", "1")
    wait_until("the removed slot's cgroup is gone", lambda: not box.exists(f"{CGROUP}/web/1"))
    expect(box.exists(f"{CGROUP}/web/0"), "the other slot's cgroup is there")


@test
def workers_run_as_the_user_that_they_are_given(box):
    box.pinion.pool("web", user="alice", command="[sh, -c, 'exec tail -f /dev/null']")
    box.pinion.start()
    pid = box.pinion.running("web", 1)[0]
    alice = int(box.ask("id", "-u", "alice"))
    expect_equal(os.stat(box.path(f"/proc/{pid}")).st_uid, alice, "the worker's user")
