# SPDX-License-Identifier: Apache-2.0
"""Edits: a saved file takes effect, a mistake changes nothing and is told everywhere that one would look."""
from harness.pinion import CONFIG, POOLS
from harness.testing import expect, expect_equal, expect_in, test, wait_until

MISTAKE = "pools:\n  web:\n    comand: [tail, -f, /dev/null]\n    workers: 2\n"


def started(box):
    box.pinion.pool("web", workers=2)
    box.pinion.start()
    return box.pinion.running("web", 2)


@test
def a_saved_edit_takes_effect_by_itself(box):
    workers = started(box)
    box.pinion.pool("web", workers=3)
    expect_equal(box.pinion.running("web", 3)[:2], workers, "the workers that were there")
    box.pinion.await_entry("PINION_EVENT=pool-changed", "PINION_POOL=web")


@test
def an_edit_in_place_takes_effect_by_itself(box):
    started(box)
    with open(box.path(f"{POOLS}/web.yaml"), "a", encoding="utf-8") as file:
        file.write("    nice: 5\n")
    wait_until("every worker has the new nice level",
               lambda: [box.attempt("ps", "-o", "ni=", "-p", str(pid)).out.strip() for pid in box.pinion.pids("web")]
               == ["5", "5"])


@test
def a_removed_file_ends_its_pool(box):
    started(box)
    box.pinion.forget("web")
    box.pinion.await_entry("PINION_EVENT=pool-removed", "PINION_POOL=web")
    wait_until("no worker is left", lambda: box.processes_with("tail -f /dev/null") == [])


@test
def a_bad_edit_makes_systemctl_reload_fail_and_touches_no_worker(box):
    workers = started(box)
    box.pinion.save("web", MISTAKE)
    refused = box.attempt("systemctl", "reload", "pinion")
    expect(refused.code != 0, "systemctl reload fails")
    expect_equal(box.pinion.unit("ActiveState"), "active", "state of the unit after a refused reload")
    entry = box.pinion.await_entry("_SYSTEMD_UNIT=pinion.service", containing="did you mean 'command'?")
    expect_in(f"{POOLS}/web.yaml:3:5", entry["MESSAGE"], "place of the mistake")
    expect_in("did you mean 'command'?", box.run("systemctl", "status", "-n20", "pinion").out, "systemctl status")
    wait_until("STATUS= tells of it", lambda: "the last reload was refused" in box.pinion.unit("StatusText"))
    expect_equal(box.pinion.pids("web"), workers, "workers")

    box.pinion.pool("web", workers=2)
    box.run("systemctl", "reload", "pinion")
    wait_until("STATUS= forgets it", lambda: "refused" not in box.pinion.unit("StatusText"))
    expect_equal(box.pinion.pids("web"), workers, "workers after the mended edit")


@test
def a_saved_mistake_touches_no_worker_and_is_told_in_the_journal(box):
    workers = started(box)
    box.pinion.save("web", MISTAKE)
    entry = box.pinion.await_entry("PINION_EVENT=config-refused")
    expect_equal(entry["_SYSTEMD_UNIT"], "pinion.service", "unit of the record")
    expect(int(entry["PRIORITY"]) <= 4, "the record's priority is warning or more")
    expect_equal(box.pinion.pids("web"), workers, "workers")


@test
def with_watch_off_only_a_reload_applies_what_was_saved(box):
    box.write(CONFIG, "version: 1\ndaemon: {watch: false}\n")
    workers = started(box)
    box.pinion.pool("web", workers=3)
    # What a watching daemon would have done by the time that another command is answered can't be waited for; that the
    # reload finds something to do shows that nothing was done before.
    expect_equal(box.pinion.pids("web"), workers, "workers before the reload")
    box.run("systemctl", "reload", "pinion")
    expect_equal(box.pinion.running("web", 3)[:2], workers, "workers after it")
    expect_equal(len(box.pinion.journal("PINION_EVENT=pool-changed")), 1, "changes applied")
