# SPDX-License-Identifier: Apache-2.0
"""An ordinary user's own instance, without root: their unit, their files, their control, their workers' end."""
import json
import os

from harness.testing import expect, expect_equal, expect_in, test, wait_until

USER = "alice"
POOLS = f"/home/{USER}/.config/pinion/pools.d"


def as_user(box, *argv):
    return box.run(*argv, user=USER)


def session(box):
    """Their service manager, without a login, kept for the tests of this file; their instance is stopped."""
    box.run("loginctl", "enable-linger", USER)

    def is_up():
        state = box.attempt("systemctl", "--user", "is-system-running", user=USER).out.strip()
        return state in ("running", "degraded")
    wait_until("the user's manager is up", is_up)
    as_user(box, "systemctl", "--user", "stop", "pinion")


def save(box, name, text):
    as_user(box, "mkdir", "-p", POOLS)
    box.attempt("sh", "-c", f"cat > {POOLS}/{name}.yaml", user=USER, stdin=text)


def running(box, pool, count):
    def all_run():
        answer = box.attempt("pinionctl", "--json", "status", pool, user=USER)
        if answer.code != 0:
            return None
        workers = [worker for found in json.loads(answer.out)["pools"] for worker in found["workers"]]
        up = [worker["pid"] for worker in workers if worker["state"] == "running"]
        return up if len(up) == count else None
    return wait_until(f"{count} of the user's workers run", all_run)


@test
def a_users_own_instance_starts_reloads_and_stops(box):
    session(box)
    save(box, "mine", "pools: {mine: {command: [tail, -f, /dev/null], workers: 2}}\n")
    as_user(box, "systemctl", "--user", "start", "pinion")
    pids = running(box, "mine", 2)
    uid = int(box.ask("id", "-u", USER))
    expect_equal([os.stat(box.path(f"/proc/{pid}")).st_uid for pid in pids], [uid, uid], "the workers' user")
    homes = [box.pinion.cgroup_of(pid) for pid in pids]
    expect_equal([home.rsplit("/", 2)[1:] for home in homes], [["mine", "0"], ["mine", "1"]], "a cgroup for each worker")
    expect_equal(as_user(box, "systemctl", "--user", "show", "-P", "StatusText", "pinion").out.strip(),
                 "1 pool, 2 of 2 workers running", "STATUS=")

    save(box, "mine", "pools: {mine: {command: [tail, -f, /dev/null], workers: 3}}\n")
    as_user(box, "systemctl", "--user", "reload", "pinion")
    expect_equal(running(box, "mine", 3)[:2], pids, "the workers that were there")

    as_user(box, "systemctl", "--user", "stop", "pinion")
    expect_equal(box.processes_with("tail -f /dev/null"), [], "workers that are left")


@test
def a_users_workers_have_cgroups_of_their_own_and_a_stop_ends_what_escaped(box):
    session(box)
    save(box, "mine", "pools: {mine: {command: [sh, -c, 'setsid sleep 1000000 & exec tail -f /dev/null']}}\n")
    as_user(box, "systemctl", "--user", "start", "pinion")
    pid = running(box, "mine", 1)[0]
    expect_in("/pinion.service/mine/0", box.pinion.cgroup_of(pid), "the worker's cgroup")
    wait_until("its child has escaped", lambda: len(box.processes_with("sleep 1000000")) == 1)
    as_user(box, "systemctl", "--user", "stop", "pinion")
    expect_equal(box.processes_with("sleep 1000000"), [], "children that are left")


@test
def a_users_bad_edit_is_refused_with_the_reason(box):
    session(box)
    save(box, "mine", "pools: {mine: {command: [tail, -f, /dev/null]}}\n")
    as_user(box, "systemctl", "--user", "start", "pinion")
    pids = running(box, "mine", 1)
    save(box, "mine", "pools: {mine: {comand: [tail, -f, /dev/null]}}\n")
    expect(box.attempt("systemctl", "--user", "reload", "pinion", user=USER).code != 0, "the reload fails")
    box.pinion.await_entry("_SYSTEMD_USER_UNIT=pinion.service", containing="did you mean 'command'?")
    expect_equal(running(box, "mine", 1), pids, "workers")
    as_user(box, "systemctl", "--user", "stop", "pinion")


@test
def the_users_and_the_systems_instance_know_nothing_of_each_other(box):
    session(box)
    box.pinion.pool("web", workers=1)
    box.pinion.start()
    box.pinion.running("web", 1)
    save(box, "mine", "pools: {mine: {command: [tail, -f, /dev/null]}}\n")
    as_user(box, "systemctl", "--user", "start", "pinion")
    running(box, "mine", 1)
    expect("web" not in as_user(box, "pinionctl", "status").out, "the user's status names only their pools")
    expect("mine" not in box.pinion.ctl("status").out, "root's status names only the system's pools")
    as_user(box, "systemctl", "--user", "stop", "pinion")
    expect_equal(len(box.processes_with("tail -f /dev/null")), 1, "the system's worker is left alone")
