# SPDX-License-Identifier: Apache-2.0
"""The Debian package on a machine without it: installed, upgraded, removed, purged; what must stay stays, the rest goes."""
import glob
import os
import shutil
import subprocess

from harness.pinion import CONFIG, POOLS, Pinion
from harness.testing import expect, expect_equal, expect_in, test, wait_until

PLACES = ("/etc", "/usr", "/var/lib", "/opt", "/srv")
OTHERS_PAPERS = ("/var/lib/dpkg/", "/var/lib/systemd/", "/etc/group", "/etc/gshadow", "/var/lib/systemd/catalog")


def open_box(lab):
    box = lab.bare().boot()
    box.run("mkdir", "/root/now", "/root/next")
    for name in glob.glob(os.path.join(lab.packages, "*.deb")):
        if "-dbgsym_" not in name:
            shutil.copy(name, box.path("/root/now"))
            repack(name, box.path("/root/next"))
    box.files_before = files(box)
    return box


def repack(package, folder):
    """The same package with a greater version."""
    tree = os.path.join(folder, "tree")
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    version = next(line.split()[1] for line in text.splitlines() if line.startswith("Version:"))
    # Also where one of our packages asks for the same version of another.
    for before, after in ((f"Version: {version}\n", f"Version: {version}.next\n"), (f"(= {version})", f"(= {version}.next)")):
        text = text.replace(before, after)
    with open(control, "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree,
                    os.path.join(folder, os.path.basename(package))], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)


def files(box):
    found = box.ask("find", *PLACES, "-xdev").splitlines()
    return {name for name in found if not name.startswith(OTHERS_PAPERS)}


def dpkg(box, *words):
    return box.run("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", *words, timeout=120)


def install(box, which="now"):
    done = dpkg(box, "--install", *[f"/root/{which}/{name}" for name in os.listdir(box.path(f"/root/{which}"))])
    box.pinion = Pinion(box)
    return done


def purge(box):
    for package in box.ask("dpkg-query", "-W", "-f", "${Package}\n").splitlines():
        if "pinion" in package:
            dpkg(box, "--purge", "--force-depends", package)
    # The next test begins without what speaks to an installed one.
    del box.pinion


@test
def an_installation_runs_the_default_configuration(box):
    install(box)
    expect_equal(box.ask("dpkg", "--audit"), "", "dpkg --audit")
    expect_equal(box.ask("dpkg", "--verify", "pinion"), "", "dpkg --verify")
    wait_until("pinion is active", lambda: box.pinion.unit("ActiveState") == "active")
    expect_equal(box.pinion.unit("UnitFileState"), "enabled", "state of the unit's file")
    expect_in("pinion", box.ask("getent", "group", "pinion"), "the group")
    first_line = box.read(CONFIG).splitlines()[0]
    expect_in("$schema=/usr/share/pinion/pinion.schema.json", first_line, "the configuration's first line")
    expect(box.exists("/usr/share/pinion/pinion.schema.json"), "the schema is there")
    box.pinion.ctl("check")
    box.pinion.pool("web", workers=2)
    box.pinion.running("web", 2)


@test
def a_program_built_with_the_library_runs(box):
    """Compiled here, with the headers and the library of the box, which has no compiler; run there."""
    install(box)
    libraries = [name for name in files(box) if name.endswith("/libpinion.so")]
    expect_equal(len(libraries), 1, "libraries to link with")
    source = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "cpp", "pool_map.cpp")
    subprocess.run(["c++", "-std=c++20", "-O1", source, "-o", box.path("/root/pool_map"), "-I", box.path("/usr/include"),
                    box.path(libraries[0])], check=True)
    expect_equal(box.ask("/root/pool_map"), "2 4 6 8 10 \n2 4 (worker died: SIGKILL) 8 10 ", "what it prints")
    os.unlink(box.path("/root/pool_map"))
    page = box.ask("zcat", "/usr/share/man/man3/libpinion.3.gz")
    expect_in("pinion::pinion", page, "the manual")


@test
def an_upgrade_keeps_configuration_and_state_and_runs_the_new_version(box):
    edited = box.read(CONFIG) + "# the operator's own line\n"
    box.write(CONFIG, edited)
    box.pinion.pool("web", workers=2)
    box.pinion.start()
    daemon = box.pinion.main_pid()
    workers = box.pinion.running("web", 2)
    state = {name: box.read(f"/var/lib/pinion/{name}") for name in os.listdir(box.path("/var/lib/pinion")) if name != "lock"}
    install(box, "next")
    expect(box.ask("dpkg-query", "-W", "-f", "${Version}", "pinion").endswith(".next"), "the new version is installed")
    wait_until("another daemon is up", lambda: box.pinion.main_pid() not in (0, daemon))
    expect(not set(box.pinion.running("web", 2)) & set(workers), "workers of the new daemon")
    expect_equal(box.read(CONFIG), edited, "the operator's configuration")
    expect(box.exists(f"{POOLS}/web.yaml"), "the operator's pool is there")
    expect_equal(sorted(name for name in state if not box.exists(f"/var/lib/pinion/{name}")), [], "state that was lost")


@test
def an_upgrade_with_a_configuration_that_is_refused_keeps_the_old_daemon(box):
    box.pinion.pool("web", workers=1)
    box.pinion.start()
    workers = box.pinion.running("web", 1)
    daemon = box.pinion.main_pid()
    box.pinion.save("web", "pools: {web: {comand: [tail]}}\n")
    said = install(box, "next")
    expect_in("did you mean 'command'?", said.out + said.err, "what the upgrade says")
    expect_equal(box.pinion.main_pid(), daemon, "the daemon")
    expect_equal(box.pinion.pids("web"), workers, "workers")
    box.pinion.pool("web", workers=1)


@test
def a_removal_stops_everything_and_keeps_configuration(box):
    box.pinion.pool("web", workers=2)
    box.pinion.start()
    box.pinion.running("web", 2)
    dpkg(box, "--remove", "--force-depends", "pinion")
    expect_equal(box.processes_with("tail -f /dev/null") + box.processes_with("piniond"), [], "processes that are left")
    expect(not box.exists("/usr/sbin/piniond"), "the program is gone")
    expect(box.exists(f"{POOLS}/web.yaml"), "the operator's pool is there")
    expect(box.exists(CONFIG), "the configuration is there")
    expect_equal(box.attempt("systemctl", "start", "pinion").code != 0, True, "there is nothing to start")


@test
def installed_again_it_finds_its_pools(box):
    box.pinion.pool("web", workers=2)
    install(box)
    box.pinion.start()
    box.pinion.running("web", 2)


@test
def a_purge_leaves_nothing_but_the_group(box):
    box.pinion.pool("web", workers=2)
    box.pinion.start()
    box.pinion.running("web", 2)
    purge(box)
    expect_equal(sorted(files(box) - box.files_before), [], "files that are left")
    expect_equal(box.processes_with("tail -f /dev/null") + box.processes_with("piniond"), [], "processes that are left")
    expect(not box.exists("/run/pinion"), "the runtime folder is gone")
    expect_equal(box.ask("systemctl", "--failed", "--no-legend", "--plain"), "", "failed units")
