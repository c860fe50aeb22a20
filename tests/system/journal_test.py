# SPDX-License-Identifier: Apache-2.0
"""The journal: what a record carries, what a worker's line carries, what the catalog says, and journald restarted."""
import re

from harness.pinion import text_of
from harness.testing import expect, expect_equal, expect_in, test, wait_until

MESSAGE_ID = re.compile(r"[0-9a-f]{32}")


@test
def a_death_is_one_record_with_every_fact_of_it(box):
    box.pinion.pool("bad", command="[sh, -c, 'echo the reason >&2; kill -SEGV $$$$']", restart="{policy: never}")
    box.pinion.start()
    died = box.pinion.await_entry("PINION_EVENT=worker-died", "PINION_POOL=bad")
    started = box.pinion.await_entry("PINION_EVENT=worker-started", "PINION_POOL=bad")
    wanted = {"PINION_SLOT": "0", "PINION_GENERATION": started["PINION_GENERATION"], "EXIT_STATUS": "SEGV",
              "OBJECT_PID": started["OBJECT_PID"], "PINION_DECISION": "give-up-policy", "PINION_LAST_LINES": "the reason",
              "SYSLOG_IDENTIFIER": "piniond", "_SYSTEMD_UNIT": "pinion.service"}
    expect_equal({name: died.get(name) for name in wanted}, wanted, "fields of the record")
    expect_in(died["EXIT_CODE"], ("killed", "dumped"), "EXIT_CODE")
    expect(MESSAGE_ID.fullmatch(died["MESSAGE_ID"]), "a message id")
    for number in ("PINION_UPTIME_USEC", "CPU_USAGE_NSEC", "MEMORY_PEAK"):
        expect(died.get(number, "").isdigit(), f"{number} is a number")
    expect_equal(len(box.pinion.journal("PINION_EVENT=worker-died")), 1, "records of one death")


@test
def the_life_of_the_daemon_is_in_the_journal(box):
    box.pinion.pool("web", workers=1)
    box.pinion.start()
    box.pinion.running("web", 1)
    box.run("systemctl", "stop", "pinion")
    for event in ("daemon-started", "pool-added", "worker-started", "daemon-stopping", "worker-stopping", "worker-died",
                  "daemon-stopped"):
        box.pinion.await_entry(f"PINION_EVENT={event}")


@test
def a_workers_lines_carry_its_pool_slot_and_priority(box):
    box.pinion.pool("talk", workers=2,
                    command="[sh, -c, 'echo plain; echo \"<3>graver\"; echo aside >&2; exec tail -f /dev/null']")
    box.pinion.start()
    for slot in ("0", "1"):
        for text, priority in (("plain", "6"), ("graver", "3"), ("aside", "4")):
            line = box.pinion.await_entry("PINION_POOL=talk", f"PINION_SLOT={slot}", f"PRIORITY={priority}", containing=text)
            expect_equal(text_of(line), text, "the line")
            expect_equal(line["SYSLOG_IDENTIFIER"], "talk", "its identifier")
            expect_equal(line["_SYSTEMD_UNIT"], "pinion.service", "its unit")
    expect_equal(box.pinion.ctl("logs", "talk/1").out.count("plain"), 1, "lines that pinionctl logs shows of one worker")


@test
def the_catalog_explains_a_record(box):
    box.pinion.pool("bad", command="[sh, -c, 'exit 3']", restart="{policy: never}")
    box.pinion.start()
    died = box.pinion.await_entry("PINION_EVENT=worker-died")
    explained = box.ask("journalctl", "-x", "-q", "-n1", box.pinion.since, "PINION_EVENT=worker-died")
    expect_in("░░", explained, "journalctl -x")
    expect_in("Subject:", explained, "journalctl -x")
    expect(re.search(r"(?m)^░░.*bad", explained), f"the text names the pool: {explained}")
    known = box.ask("journalctl", "--list-catalog", died["MESSAGE_ID"])
    expect_in(died["MESSAGE_ID"], known, "journalctl --list-catalog")


@test
def every_record_of_this_life_is_in_the_catalog(box):
    box.pinion.pool("web", workers=2)
    box.pinion.pool("bad", command="[sh, -c, 'exit 3']", restart="{policy: never}")
    box.pinion.start()
    box.pinion.await_entry("PINION_EVENT=worker-died")
    box.pinion.save("web", "pools: [")
    box.pinion.await_entry("PINION_EVENT=config-refused")
    box.run("systemctl", "stop", "pinion")
    ids = {entry["MESSAGE_ID"] for entry in box.pinion.journal("SYSLOG_IDENTIFIER=piniond") if "MESSAGE_ID" in entry}
    expect(len(ids) >= 6, f"several kinds of records, found {len(ids)}")
    known = box.ask("journalctl", "--list-catalog")
    expect_equal([one for one in ids if one not in known], [], "message ids without a text")


@test
def journald_restarted_loses_no_worker_and_records_go_on(box):
    box.pinion.pool("talk", workers=2, command="[sh, -c, 'while read line; do echo $$line; done; exec tail -f /dev/null']")
    box.pinion.pool("direct", log="{stdout: direct, stderr: direct}")
    box.pinion.start()
    workers = box.pinion.running("talk", 2) + box.pinion.running("direct", 1)
    daemon = box.pinion.main_pid()
    box.run("systemctl", "restart", "systemd-journald")
    box.pinion.mark()
    box.pinion.pool("later", command="[sh, -c, 'echo said afterwards; exec tail -f /dev/null']")
    box.pinion.await_entry("PINION_EVENT=worker-started", "PINION_POOL=later")
    box.pinion.await_entry("PINION_POOL=later", "SYSLOG_IDENTIFIER=later", containing="said afterwards")
    expect_equal(box.pinion.pids("talk") + box.pinion.pids("direct"), workers, "workers")
    expect_equal(box.pinion.main_pid(), daemon, "the daemon")
    wait_until("STATUS= is current", lambda: "4 of 4 workers running" in box.pinion.unit("StatusText"))
