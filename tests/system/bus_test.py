# SPDX-License-Identifier: Apache-2.0
"""The system bus, asked by busctl: root changes things, the group pinion reads, everybody else is refused."""
import json

from harness.testing import expect, expect_equal, expect_in, test, wait_until

NAME = "org.pinion.Pinion1"
MANAGER = (NAME, "/org/pinion/Pinion1", "org.pinion.Pinion1.Manager")
WEB = (NAME, "/org/pinion/Pinion1/pool/web", "org.pinion.Pinion1.Pool")


def started(box):
    box.pinion.pool("web", workers=2)
    box.pinion.start()
    wait_until("the name is on the bus", lambda: NAME in box.ask("busctl", "list", "--acquired"))
    return box.pinion.running("web", 2)


def busctl(box, *words, user=None):
    return box.attempt("busctl", "--system", *words, user=user)


@test
def root_reads_and_changes_through_the_system_bus(box):
    started(box)
    expect_equal(busctl(box, "get-property", *WEB, "Wanted").out.strip(), "u 2", "Wanted")
    expect_in('"running"', busctl(box, "call", *WEB, "ListWorkers").out, "ListWorkers")
    expect_equal(busctl(box, "call", *MANAGER, "Scale", "su", "web", "1").code, 0, "Scale")
    box.pinion.running("web", 1)
    expect_equal(busctl(box, "call", *MANAGER, "Stop", "s", "web").code, 0, "Stop")
    wait_until("the pool is stopped", lambda: '"stopped"' in busctl(box, "get-property", *WEB, "State").out)
    box.pinion.await_entry("PINION_EVENT=operator-acted", "PINION_POOL=web", containing="by root")


@test
def introspection_and_the_object_manager_tell_of_each_pool(box):
    started(box)
    shown = busctl(box, "introspect", NAME, WEB[1]).out
    for member in ("ListWorkers", "State", "Wanted", "Running", "PropertiesChanged"):
        expect_in(member, shown, "busctl introspect")
    tree = busctl(box, "tree", "--list", NAME).out
    expect_in(WEB[1], tree, "busctl tree")
    box.pinion.forget("web")
    wait_until("the object is gone", lambda: WEB[1] not in busctl(box, "tree", "--list", NAME).out)


@test
def a_member_of_the_group_reads_but_changes_nothing(box):
    workers = started(box)
    expect_equal(busctl(box, "get-property", *WEB, "Running", user="member").out.strip(), "u 2", "Running")
    for read in ("ListPools", "Stats", "History"):
        answer = busctl(box, "call", *MANAGER, read, user="member")
        expect(answer.code == 0, f"{read} is answered to a member of the group: {answer}")
    for change in (("Stop", "s", "web"), ("Scale", "su", "web", "0"), ("Kill", "si", "web", "9"), ("Reload",), ("Rebalance",)):
        answer = busctl(box, "call", *MANAGER, *change, user="member")
        expect(answer.code != 0, f"{change[0]} is refused to a member of the group")
        expect_in("may look but not change", answer.err, f"the refusal of {change[0]}")
    expect_equal(box.pinion.pids("web"), workers, "workers")


@test
def a_stranger_is_refused_everything(box):
    workers = started(box)
    asked = [("get-property", *WEB, "State"), ("call", *MANAGER, "ListPools"), ("call", *MANAGER, "Stop", "s", "web"),
             ("introspect", NAME, MANAGER[1])]
    for words in asked:
        answer = busctl(box, *words, user="alice")
        expect(answer.code != 0, f"{' '.join(words)} is refused to a stranger")
        expect_in("ccess", answer.err, "the refusal")
    expect_equal(box.pinion.pids("web"), workers, "workers")


@test
def a_stranger_can_not_take_the_name(box):
    answer = busctl(box, "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                    "su", NAME, "0", user="alice")
    expect(answer.code != 0, "the name is refused to a stranger")


@test
def pinionctl_gives_each_user_what_is_theirs(box):
    started(box)
    expect_equal(json.loads(box.run("pinionctl", "--json", "status").out)["pools"][0]["name"], "web", "root's status")
    expect_in("web", box.run("pinionctl", "status", user="member").out, "a member's status")
    denied = box.attempt("pinionctl", "stop", "web", user="member")
    expect_equal(denied.code, 6, "exit code of a member's stop")
    stranger = box.attempt("pinionctl", "status", user="alice")
    expect_equal(stranger.code, 6, "exit code of a stranger's status")
    expect_equal(len(stranger.err.strip().splitlines()), 1, "lines of a stranger's refusal")


@test
def the_bus_restarted_or_gone_stops_no_worker_and_pinionctl_goes_on(box):
    workers = started(box)
    box.run("systemctl", "stop", "dbus.socket", "dbus.service")
    try:
        expect_equal(box.pinion.pids("web"), workers, "workers without a bus")
        box.pinion.ctl("scale", "web", "3")
        box.pinion.running("web", 3)
    finally:
        box.run("systemctl", "start", "dbus.socket", "dbus.service")
    expect_equal(box.pinion.running("web", 3)[:2], workers, "workers with another bus")
