# SPDX-License-Identifier: Apache-2.0
"""How pins are kept, on eight CPUs and two nodes under a kernel that loses them: cpusets of each worker's own, memory
where the seat is, what libraries are told, and what happens when somebody pulls at it."""
import json
import os

from harness.pinion import CGROUP, CONFIG, Pinion
from harness.testing import expect, expect_equal, expect_in, test, wait_until

SECONDS = 240
ALL = set(range(8))
# Four threads that wait for the end; `narrow` keeps the last of its CPUs, `touch` fills some memory first.
WORKER = """
import os, signal, sys, threading
if "narrow" in sys.argv:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
held = bytearray(16 << 20) if "touch" in sys.argv else None
for _ in range(3):
    threading.Thread(target=signal.pause, daemon=True).start()
open(f"/run/up-{os.environ['PINION_SEAT'].replace('/', '-')}", "w").write(str(os.getpid()))
signal.pause()
"""
THREADS = "[/usr/bin/python3, /root/worker.py]"


def open_box(lab):
    box = lab.machine()
    box.run("sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg --install /root/debs/*.deb", timeout=180)
    box.write("/root/worker.py", WORKER)
    box.pinion = Pinion(box)
    return box


def cpus_of(text):
    """The kernel's list format, as a set."""
    found = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def masks(box, pid):
    """The masks of all threads of a process."""
    lines = box.ask("sh", "-c", f"grep -h Cpus_allowed_list /proc/{pid}/task/*/status").splitlines()
    return [cpus_of(line.split()[1]) for line in lines]


def leaf(pool, slot, name):
    return f"{CGROUP}/{pool}/{slot}/{name}"


def machine(box, text):
    box.write(CONFIG, f"machine: {{{text}}}\n")


def await_up(box, pool, workers):
    """Waits until `workers` have done what they do at their start; their pids by slot."""
    pids = box.pinion.running(pool, workers, seconds=60)
    for slot, pid in enumerate(pids):
        wait_until(f"{pool}/{slot} is up", lambda slot=slot, pid=pid: box.attempt(
            "cat", f"/run/up-{pool}-{slot}").out.strip() == str(pid), 60)
    return pids


def planned(box):
    """(pool, slot) → the mask that `pinionctl plan` says."""
    plan = json.loads(box.pinion.ctl("--json", "plan").out)
    return {(pool["name"], seat["slot"]): cpus_of(seat["mask"]) for pool in plan["pools"] for seat in pool["seats"]}


@test
def every_thread_of_every_worker_has_the_mask_of_the_plan_and_so_has_its_cpuset(box):
    pools = {"own": ("1 core", 2), "bound": ("{seat: 1 thread, bind: pool}", 2), "soft": ("auto", 2), "float": ("none", 1)}
    for name, (cpu, workers) in pools.items():
        box.pinion.pool(name, workers=workers, cpu=cpu, command=THREADS)
    box.pinion.start()
    pids = {name: await_up(box, name, workers) for name, (_, workers) in pools.items()}
    plan = planned(box)
    for name, slots in pids.items():
        for slot, pid in enumerate(slots):
            found = masks(box, pid)
            expect(len(found) == 4, f"four threads of {name}/{slot}, found {found}")
            expect_equal(found, [plan[name, slot]] * 4, f"masks of the threads of {name}/{slot}")
            expect_equal(cpus_of(box.read(leaf(name, slot, "cpuset.cpus"))), plan[name, slot], f"cpuset of {name}/{slot}")
    expect_equal(len(plan["own", 0]), 2, "a core has two threads")
    expect_equal(plan["bound", 0], plan["bound", 1], "bound to the pool's seats")
    for name in ("own", "bound", "soft", "float"):
        expect_equal(box.read(f"{CGROUP}/{name}/cpuset.cpus").strip(), "", "the pool's own cpuset is unset")
    expect_equal(box.read(f"{CGROUP}/cpuset.cpus").strip(), "", "the unit's own cpuset is systemd's")
    entry = box.pinion.await_entry("PINION_EVENT=enforcement")
    expect_in("a cpuset for each worker", entry["MESSAGE"], "what was chosen")
    expect_in("switched the controller on", entry["MESSAGE"], "what was done to get it")


@test
def libraries_are_told_of_the_seat_and_nothing_else_binds_them(box):
    box.pinion.drop_in("[Service]\nEnvironment=OMP_PLACES=cores HOME_GROWN=1\n")
    box.pinion.pool("two", cpu="2 cores", pass_env="[OMP_PLACES, HOME_GROWN]", env='{MKL_NUM_THREADS: "9"}')
    box.pinion.pool("thread", cpu="1 thread")
    box.pinion.pool("soft")
    box.pinion.pool("free", cpu="none")
    box.pinion.start()
    environment = {}
    for name in ("two", "thread", "soft", "free"):
        [pid] = box.pinion.running(name, 1, seconds=60)
        environment[name] = dict(line.split("=", 1) for line in box.ask(
            "sh", "-c", f"tr '\\0' '\\n' < /proc/{pid}/environ").splitlines())
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS", "GOMAXPROCS",
             "PYTHON_CPU_COUNT"]
    for pool, count in (("two", "2"), ("thread", "1"), ("soft", "1"), ("free", None)):
        expect_equal([environment[pool].get(name) for name in names], [count] * len(names), f"threads of {pool}")
    expect_equal(environment["two"]["MKL_NUM_THREADS"], "9", "the pool's own word")
    expect_equal(environment["two"].get("HOME_GROWN"), "1", "what is passed on")
    expect(("OMP_PLACES" not in environment["two"]), "the daemon's binding is not passed on")


@test
def a_stranger_can_not_widen_a_mask_past_the_cpuset(box):
    box.pinion.pool("own", cpu="1 core", command=THREADS)
    box.pinion.start()
    [pid] = await_up(box, "own", 1)
    seat = planned(box)["own", 0]
    box.run("taskset", "--all-tasks", "--cpu-list", "--pid", "0-7", str(pid))
    expect_equal(masks(box, pid), [seat] * 4, "masks after taskset")


@test
def a_worker_stays_pinned_when_the_cpusets_above_change_and_an_unrelated_cpu_goes(box):
    box.pinion.pool("own", workers=2, cpu="1 core", command=THREADS)
    box.pinion.start()
    pids = await_up(box, "own", 2)
    plan = planned(box)
    spare = max(ALL - plan["own", 0] - plan["own", 1])

    def expect_pinned(when):
        for slot, pid in enumerate(pids):
            expect_equal(masks(box, pid), [plan["own", slot]] * 4, f"masks of own/{slot} {when}")

    above = "/sys/fs/cgroup/system.slice"
    rest = ",".join(str(cpu) for cpu in sorted(ALL - {spare}))
    for cpus in ("0-7", rest, "0-7"):
        box.run("sh", "-c", f"echo {cpus} > {above}/cpuset.cpus")
        expect_pinned(f"after the slice above was given the CPUs {cpus}")
    box.run("sh", "-c", "echo -memory > {0}/cgroup.subtree_control; echo +memory > {0}/cgroup.subtree_control".format(CGROUP))
    expect_pinned("after another controller was switched off and on")
    box.run("sh", "-c", f"echo 0 > /sys/devices/system/cpu/cpu{spare}/online")
    try:
        expect_pinned(f"while CPU {spare} is offline")
    finally:
        box.run("sh", "-c", f"echo 1 > /sys/devices/system/cpu/cpu{spare}/online")
    expect_pinned(f"with CPU {spare} back")
    expect_equal(box.pinion.pids("own"), pids, "nobody was replaced")


@test
def a_worker_that_is_killed_twenty_times_has_the_same_seat_each_time(box):
    box.pinion.pool("own", cpu="1 core", restart="{delay: 10ms, max_delay: 10ms}")
    box.pinion.start()
    [pid] = box.pinion.running("own", 1, seconds=60)
    seat = masks(box, pid)
    for time in range(20):
        box.run("kill", "-KILL", str(pid))

        def successor(former=pid):
            worker = box.pinion.workers("own")[0]
            return worker["pid"] if worker["state"] == "running" and worker["pid"] not in (0, former) else 0
        pid = wait_until("a successor runs", successor, 60)
        expect_equal(masks(box, pid), seat, f"mask of successor {time + 1}")
        expect_equal([cpus_of(box.read(leaf("own", 0, "cpuset.cpus")))], seat, f"cpuset of successor {time + 1}")


@test
def memory_lies_where_the_seat_is(box):
    touch = "[/usr/bin/python3, /root/worker.py, touch]"
    box.pinion.pool("strict", cpu="{seat: 1 core, within: numa:1, memory: strict}", command=touch)
    box.pinion.pool("near", cpu="{seat: 1 core, within: numa:0}", command=touch)
    box.pinion.pool("none", cpu="{seat: 1 core, within: numa:0, memory: off}")
    box.pinion.start()
    [strict], [near] = await_up(box, "strict", 1), await_up(box, "near", 1)
    [none] = box.pinion.running("none", 1, seconds=60)
    maps = box.read(f"/proc/{strict}/numa_maps")
    expect_in(" bind:1 ", maps, "the policy")
    # Files that others have read before lie where they were read; what no file is behind is the worker's own.
    own = [dict(word.split("=") for word in line.split() if "=" in word)
           for line in maps.splitlines() if " anon=" in line and " file=" not in line]
    expect(sum(int(part.get("N1", 0)) for part in own) >= 4096, f"16 MiB on node 1:\n{maps}")
    expect(not any("N0" in part for part in own), f"none of its own memory on node 0:\n{maps}")
    expect_equal(box.read(leaf("strict", 0, "cpuset.mems")).strip(), "1", "its cpuset's nodes")
    expect_in(" prefer:0 ", box.read(f"/proc/{near}/numa_maps"), "the policy of a near one")
    expect_equal(box.read(leaf("near", 0, "cpuset.mems")).strip(), "", "its cpuset's nodes")
    expect_in(" default ", box.read(f"/proc/{none}/numa_maps"), "the policy of one that has none")


@test
def memory_of_a_wide_seat_is_spread_over_its_nodes(box):
    box.pinion.pool("wide", cpu="{seat: 3 cores, memory: interleave}")
    box.pinion.start()
    [pid] = box.pinion.running("wide", 1, seconds=60)
    expect_in(" interleave:0-1 ", box.read(f"/proc/{pid}/numa_maps"), "the policy")
    box.pinion.pool("wide", cpu="{seat: 3 cores}")
    box.pinion.ctl("reload")
    later = wait_until("it is replaced", lambda: [p for p in box.pinion.pids("wide") if p not in (0, pid)], 60)
    expect_in(" prefer (many):0-1 ", box.read(f"/proc/{later[0]}/numa_maps"), "the policy by default")


@test
def a_program_that_narrows_its_own_mask_is_left_alone(box):
    box.pinion.pool("own", cpu="1 core", command="[/usr/bin/python3, /root/worker.py, narrow]")
    box.pinion.start()
    [pid] = await_up(box, "own", 1)
    seat = planned(box)["own", 0]
    expect_equal(masks(box, pid), [{max(seat)}] * 4, "its masks")
    box.pinion.ctl("reload")
    expect_equal(box.pinion.pids("own"), [pid], "it lives on")
    expect_equal(masks(box, pid), [{max(seat)}] * 4, "its masks after a reload")


@test
def another_seat_moves_a_running_worker_with_all_its_threads(box):
    box.pinion.pool("own", cpu="{seat: 1 core, within: numa:0, memory: strict}", command=THREADS)
    box.pinion.start()
    [pid] = await_up(box, "own", 1)
    before = planned(box)["own", 0]
    box.pinion.pool("own", cpu="{seat: 2 cores, within: numa:1, memory: strict}", command=THREADS)
    box.pinion.ctl("reload")
    seat = planned(box)["own", 0]
    expect(not seat & before and len(seat) == 4, f"another seat: {before}, {seat}")
    wait_until("it has moved", lambda: masks(box, pid) == [seat] * 4)
    expect_equal(cpus_of(box.read(leaf("own", 0, "cpuset.cpus"))), seat, "its cpuset")
    expect_equal(box.read(leaf("own", 0, "cpuset.mems")).strip(), "1", "its cpuset's nodes")
    expect_equal(box.pinion.pids("own"), [pid], "the same process")


@test
def the_level_changes_under_running_workers(box):
    machine(box, "enforce: affinity")
    box.pinion.pool("own", workers=2, cpu="1 core", command=THREADS)
    box.pinion.start()
    pids = await_up(box, "own", 2)
    plan = planned(box)
    expect_in("by affinity alone", box.pinion.await_entry("PINION_EVENT=enforcement")["MESSAGE"], "what was chosen")

    def expect_kept(level, cpusets):
        for slot, pid in enumerate(pids):
            expect_equal(masks(box, pid), [plan["own", slot]] * 4, f"masks of own/{slot} at level {level}")
            # One that has processes can't be emptied again: all CPUs are no bound either.
            found = cpus_of(box.attempt("cat", leaf("own", slot, "cpuset.cpus")).out) or ALL
            expect_equal(found, plan["own", slot] if cpusets else ALL, f"cpuset of own/{slot} at level {level}")
        expect_equal(box.pinion.pids("own"), pids, "nobody was replaced")

    expect_kept("affinity", False)
    for level, cpusets in (("cpuset", True), ("affinity", False), ("auto", True)):
        box.pinion.mark()
        machine(box, f"enforce: {level}")
        box.pinion.ctl("reload")
        box.pinion.await_entry("PINION_EVENT=enforcement")
        expect_kept(level, cpusets)


@test
def a_level_that_the_host_does_not_give_is_refused_with_the_reason(box):
    box.pinion.drop_in("[Service]\nDelegate=no\nDelegate=memory pids\n")
    box.pinion.pool("own", cpu="1 core")
    machine(box, "enforce: cpuset")
    expect(box.attempt("systemctl", "start", "pinion").code != 0, "the start fails")
    expect_equal(box.pinion.unit("ExecMainStatus"), "78", "exit code")
    entry = box.pinion.await_entry("SYSLOG_IDENTIFIER=piniond", containing="E_ENFORCE_UNAVAILABLE")
    expect_in("was not given the controller 'cpuset'", entry["MESSAGE"], "the reason")
    expect_in("The best level here is affinity", entry["MESSAGE"], "the way out")

    machine(box, "enforce: auto")
    box.run("systemctl", "reset-failed", "pinion")
    box.pinion.start()
    [pid] = box.pinion.running("own", 1, seconds=60)
    expect_in("by affinity alone", box.pinion.await_entry("PINION_EVENT=enforcement")["MESSAGE"], "what was chosen")
    expect_equal(masks(box, pid), [planned(box)["own", 0]], "its mask")
    machine(box, "enforce: cpuset")
    refused = box.attempt("pinionctl", "reload")
    expect(refused.code != 0, "the reload is refused")
    expect_in("E_ENFORCE_UNAVAILABLE", refused.out + refused.err, "why")
    expect_equal(box.pinion.pids("own"), [pid], "the worker runs on")


@test
def who_has_too_much_to_run_is_told_of_where_the_kernel_tells_of_no_pressure(box):
    box.pinion.drop_in(f"[Service]\nExecStartPre=/bin/sh -c 'echo 0 > {CGROUP}/cgroup.pressure'\n")
    machine(box, "enforce: cpuset, audit: 1s")
    box.pinion.pool("greedy", nice=19, command="[/bin/sh, -c, 'for i in 1 2 3; do sh -c \"while :; do :; done\" & done; wait']")
    box.pinion.pool("idle")
    box.pinion.start()
    for pool in ("greedy", "idle"):
        box.pinion.running(pool, 1, seconds=60)
    expect(box.attempt("test", "-e", f"{CGROUP}/cpu.pressure").code != 0, "there is no word of pressure")
    box.pinion.await_entry("PINION_EVENT=worker-starved", "PINION_POOL=greedy", containing="W_STARVED", seconds=120)
    expect_equal(box.pinion.journal("PINION_EVENT=worker-starved", "PINION_POOL=idle"), [], "of who has little to do")


@test
def many_workers_start_with_cpusets_and_without(box):
    workers = int(os.environ.get("PINION_CPUSET_WORKERS", "30"))
    took = {}
    for level in ("affinity", "cpuset"):
        machine(box, f"enforce: {level}")
        box.pinion.pool("many", workers=workers)
        box.pinion.start()
        box.pinion.running("many", workers, seconds=120)
        entries = box.pinion.journal("PINION_EVENT=worker-started")
        took[level] = (int(entries[-1]["__REALTIME_TIMESTAMP"]) - int(entries[0]["__REALTIME_TIMESTAMP"])) / 1e6
        print(f"        {workers} workers at level {level}: {took[level]:.2f} s from the first to the last", flush=True)
        box.pinion.reset()
    expect(took["cpuset"] < 2 * took["affinity"] + 2, f"a cpuset costs a start little: {took}")
