# SPDX-License-Identifier: Apache-2.0
"""The machine's own boot and shutdown: enabled, with a good and with a bad configuration, and powered off under load."""
import time

from harness.pinion import CONFIG, Pinion
from harness.testing import expect, expect_equal, expect_in, test, wait_until

MISTAKE = "pools:\n  web:\n    comand: [tail, -f, /dev/null]\n"


def boot_again(box):
    box.power_off()
    box.boot()
    box.pinion = Pinion(box)


@test
def an_enabled_pinion_starts_its_pools_at_boot(box):
    box.pinion.pool("web", workers=2)
    box.run("systemctl", "enable", "pinion")
    boot_again(box)
    wait_until("pinion is active", lambda: box.pinion.unit("ActiveState") == "active")
    box.pinion.running("web", 2)


@test
def a_power_off_is_not_held_up_by_workers_that_ignore_it(box):
    box.pinion.pool("hard", command="[sh, -c, 'trap \"\" TERM; exec tail -f /dev/null']", workers=3, stop="{timeout: 500ms}")
    box.pinion.start()
    box.pinion.running("hard", 3)
    took = box.power_off(30)
    expect(took < 15, f"off within 15 s, took {took:.1f} s")
    box.boot()
    box.pinion = Pinion(box)


@test
def a_bad_configuration_at_boot_is_a_clear_failure_that_a_repair_ends(box):
    box.run("systemctl", "enable", "pinion")
    box.pinion.save("web", MISTAKE)
    boot_again(box)
    wait_until("the unit has failed", lambda: box.pinion.unit("ActiveState") == "failed")
    expect_equal(box.pinion.unit("ExecMainStatus"), "78", "exit code of the daemon")
    expect_equal(box.pinion.unit("NRestarts"), "0", "restarts")
    expect_equal(box.attempt("systemctl", "is-system-running").out.strip(), "degraded", "state of the system")
    shown = box.attempt("systemctl", "status", "-n20", "pinion")
    expect_equal(shown.code, 3, "exit code of systemctl status")
    expect_in("status=78/CONFIG", shown.out, "systemctl status")
    expect_in("/etc/pinion/pools.d/web.yaml:3:5", shown.out, "the place of the mistake in systemctl status")
    expect_in("did you mean 'command'?", shown.out, "the remedy in systemctl status")
    expect_in("pinionctl check", shown.out, "the next step in systemctl status")
    checked = box.attempt("pinionctl", "check")
    expect_equal(checked.code, 1, "exit code of pinionctl check")
    expect_in("did you mean 'command'?", checked.out + checked.err, "pinionctl check")

    box.pinion.pool("web", workers=2)
    box.pinion.ctl("check")
    box.pinion.start()
    box.pinion.running("web", 2)
    expect_equal(box.pinion.unit("Result"), "success", "result after the repair")


@test
def a_configuration_that_others_can_write_is_refused(box):
    box.write("/etc/pinion/pools.d/web.yaml", "pools: {web: {command: [tail, -f, /dev/null]}}\n", 0o666)
    refused = box.attempt("systemctl", "start", "pinion")
    expect(refused.code != 0, "systemctl start fails")
    expect_equal(box.pinion.unit("ExecMainStatus"), "78", "exit code of the daemon")
    expect_in("web.yaml", box.attempt("systemctl", "status", "-n20", "pinion").out, "the file in systemctl status")


@test
def pinionctl_says_plainly_that_no_daemon_runs(box):
    answer = box.attempt("pinionctl", "status")
    expect_equal(answer.code, 5, "exit code without a daemon")
    expect_equal(len(answer.err.strip().splitlines()), 1, f"lines of the answer: {answer.err}")


@test
def stopped_pools_stay_in_the_order_of_start_after(box):
    box.pinion.pool("db", start="{ready: notify}", pass_env="[]",
                    command="[sh, -c, 'read _ < /run/go; systemd-notify --ready; exec tail -f /dev/null']")
    box.pinion.pool("web", start="{after: [db]}")
    box.run("mkfifo", "/run/go")
    began = time.monotonic()
    box.pinion.start()
    expect(time.monotonic() - began < 10, "READY=1 does not wait for the workers")
    box.pinion.await_entry("PINION_EVENT=pool-waiting", "PINION_POOL=web")
    expect_equal(box.pinion.journal("PINION_EVENT=worker-started", "PINION_POOL=web"), [], "starts of web before db is ready")
    box.run("sh", "-c", "echo > /run/go")
    box.pinion.running("web", 1)
    box.run("rm", "/run/go")
    expect(box.exists(CONFIG), "the packaged configuration is there")
