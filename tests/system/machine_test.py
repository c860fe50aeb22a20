# SPDX-License-Identifier: Apache-2.0
"""Eight CPUs, two nodes, SMT, every controller: the package is installed on the machine, and the pins that it says are those of
the kernel; so are the deaths for want of memory."""
import json

from harness.pinion import Pinion
from harness.testing import expect, expect_equal, test, wait_until

SECONDS = 60


def open_box(lab):
    return lab.machine()


def cpus_of(text):
    """The kernel's list format, as a set."""
    found = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def allowed(box, pid):
    for line in box.read(f"/proc/{pid}/status").splitlines():
        if line.startswith("Cpus_allowed_list:"):
            return cpus_of(line.split()[1])
    return set()


@test
def the_machine_has_eight_cpus_two_nodes_and_every_controller(box):
    expect_equal(cpus_of(box.read("/sys/devices/system/cpu/online")), set(range(8)), "CPUs")
    expect_equal(cpus_of(box.read("/sys/devices/system/node/online")), {0, 1}, "nodes")
    expect_equal(cpus_of(box.read("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")), {0, 1}, "siblings of CPU 0")
    controllers = set(box.read("/sys/fs/cgroup/cgroup.controllers").split())
    expect({"cpuset", "cpu", "io", "memory", "pids"} <= controllers, f"every controller, found {sorted(controllers)}")


def started(box):
    """Pinion with a pool of whole cores and one of threads; installed where it is not yet."""
    if not hasattr(box, "pinion"):
        box.run("sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg --install /root/debs/*.deb", timeout=180)
        box.pinion = Pinion(box)
        box.pinion.reset()
    box.pinion.pool("cores", workers=2, cpu="1 core")
    box.pinion.pool("threads", workers=2, cpu="1 thread")
    box.pinion.start()
    for pool in ("cores", "threads"):
        box.pinion.running(pool, 2, seconds=60)


@test
def every_worker_has_the_pins_that_pinion_says(box):
    started(box)
    seats = []
    for pool, size in (("cores", 2), ("threads", 1)):
        for slot, worker in box.pinion.workers(pool).items():
            pinned = allowed(box, worker["pid"])
            expect_equal(cpus_of(worker["cpus"]), pinned, f"CPUs of {pool}/{slot}: pinionctl and the kernel")
            expect_equal(len(pinned), size, f"number of CPUs of {pool}/{slot}")
            seats.append((pool, pinned))
    for number, (pool, pinned) in enumerate(seats):
        expect(not any(pinned & other for _, other in seats[:number]), f"nobody shares a CPU: {seats}")
        if pool == "cores":
            siblings = box.read(f"/sys/devices/system/cpu/cpu{min(pinned)}/topology/thread_siblings_list")
            expect_equal(pinned, cpus_of(siblings), "a core is both its threads")


@test
def the_plan_says_beforehand_what_the_kernel_shows_afterwards(box):
    started(box)
    planned = json.loads(box.pinion.ctl("--json", "plan").out)
    found = {(pool["name"], seat["slot"]): cpus_of(seat["cpus"]) for pool in planned["pools"] for seat in pool["seats"]}
    shown = {(pool, slot): allowed(box, worker["pid"]) for pool in ("cores", "threads")
             for slot, worker in box.pinion.workers(pool).items()}
    expect_equal(found, shown, "seats of the plan")


EATER = """\
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    eaten = bytearray(job["input"] << 20)
    eaten[::4096] = b"x" * len(eaten[::4096])
    print(json.dumps({"id": job["id"], "result": len(eaten)}), flush=True)
"""
GLUTTON = "x = bytearray(int(input()) << 20); x[::4096] = b'x' * len(x[::4096]); print(len(x))"


@test
def a_job_that_the_kernel_kills_for_its_memory_is_said_to_be_one_and_no_other_is_harmed(box):
    started(box)
    box.write("/root/eater.py", EATER)
    for pool, keys in (("lines", {"command": "[/usr/bin/python3, -S, /root/eater.py]"}),
                       ("process", {"command": f'[/usr/bin/python3, -S, -c, "{GLUTTON}"]', "protocol": "exec"})):
        box.pinion.pool(pool, kind="jobs", job="{attempts: 5, delay: 10ms, retry_on: {oom: false}}", **keys)
    box.pinion.ctl("reload", timeout=120)
    for pool in ("lines", "process"):
        [pid] = box.pinion.running(pool, 1, seconds=60)
        # A successor's cgroup has no bound: what comes after the one that was killed fits.
        box.run("sh", "-c", f"echo 100M > /sys/fs/cgroup{box.pinion.cgroup_of(pid)}/memory.max")
        answer = box.attempt("pinionctl", "map", pool, "1", "300", "2", timeout=120)
        expect_equal(answer.out, "1048576\n2097152\n", f"what the others of '{pool}' gave ({answer.err})")
        expect_equal(answer.code, 1, "exit code of a map with a failed item")
        [failed] = json.loads(box.pinion.ctl("--json", "jobs", "list", pool, "--failed").out)["jobs"]
        shown = json.loads(box.pinion.ctl("--json", "jobs", "show", str(failed["id"])).out)["job"]
        expect_equal([attempt["outcome"] for attempt in shown["attempts"]], ["oom"], f"outcomes of the job of '{pool}'")
        expect_equal(shown["error"]["type"], "oom", "its error")
        expect(shown["attempts"][0]["death"]["oom_killed"], "its death says so too")


SURVIVOR = "import time; n = int(input()); n or time.sleep(10000); x = bytearray(n << 20); x[::4096] = b'x' * len(x[::4096])"


@test
def a_kill_for_want_of_memory_that_a_worker_has_survived_is_not_why_it_ends_later(box):
    started(box)
    box.pinion.pool("survivor", kind="jobs", command=f'[/usr/bin/python3, -S, -c, "{SURVIVOR}"]', protocol="exec",
                    job="{attempts: 5, delay: 10ms, retry_on: {oom: false}}")
    box.pinion.ctl("reload", timeout=120)
    [pid] = box.pinion.running("survivor", 1, seconds=60)
    box.run("sh", "-c", f"echo 100M > /sys/fs/cgroup{box.pinion.cgroup_of(pid)}/memory.max")
    expect_equal(box.attempt("pinionctl", "map", "survivor", "300", timeout=120).code, 1, "exit code of a job too large")
    expect_equal(box.pinion.pids("survivor"), [pid], "its worker has survived")
    number = box.pinion.ctl("submit", "survivor", "0").out.strip()

    def shown():
        return json.loads(box.pinion.ctl("--json", "jobs", "show", number).out)["job"]
    wait_until("the job runs", lambda: shown()["state"] == "running", seconds=60)
    box.pinion.ctl("restart", "survivor", timeout=120)
    wait_until("the job runs again", lambda: shown()["state"] == "running", seconds=60)
    expect_equal(shown()["attempts"], [], "a restart is no attempt")
    box.pinion.ctl("jobs", "cancel", number)
    [attempt] = shown()["attempts"]
    expect_equal((attempt["outcome"], attempt["death"]["how"]), ("cancelled", "SIGKILL"), "how it ended")
