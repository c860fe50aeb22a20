# SPDX-License-Identifier: Apache-2.0
"""Where boxes come from: the root file system, the packages installed on it once, and a container for each test file."""
import glob
import itertools
import os
import shutil
import subprocess

from .container import Container, remove_cgroup
from .machine import Machine
from .pinion import Pinion
from .testing import Failed, Skipped
from . import rootfs

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
CACHE = os.path.join(TOP, "build-system")
SOURCES = ["CMakeLists.txt", "config", "ctl", "daemon", "examples", "lib", "packaging"]
CGROUPS = "/sys/fs/cgroup"


def fresh_packages():
    """The folder of packages that are as new as the sources, made by ./dev package where they are not."""
    folder = os.path.join(TOP, "build-package")
    names = subprocess.run(["git", "-C", TOP, "ls-files", "--cached", "--others", "--exclude-standard", *SOURCES],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    newest = max(os.path.getmtime(os.path.join(TOP, name)) for name in names if os.path.exists(os.path.join(TOP, name)))
    made = [os.path.getmtime(name) for name in glob.glob(os.path.join(folder, "*.deb"))]
    if not made or min(made) < newest:
        done = subprocess.run([os.path.join(TOP, "dev"), "package"], stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise Failed("./dev package makes no package")
    return folder


def check_host():
    """Raises Skipped where this machine can't run the tests."""
    if os.geteuid() != 0:
        raise Skipped("only root can boot a container")
    for tool in ("mmdebstrap", "systemd-nspawn", "nsenter", "unshare"):
        if not shutil.which(tool):
            raise Skipped(f"there is no {tool} here; as root: apt-get install mmdebstrap systemd-container")


def clean_up(scratch):
    """Takes away what mounts and processes of our own don't take with them: an empty folder, and empty cgroups."""
    os.rmdir(scratch)
    for hierarchy in glob.glob("/sys/fs/cgroup/cgroup.controllers") + glob.glob("/sys/fs/cgroup/*/cgroup.controllers"):
        ours = os.path.join(os.path.dirname(hierarchy), os.path.basename(scratch))
        if os.path.isdir(ours):
            remove_cgroup(ours)


class Lab:
    """Makes the boxes; expects mounts and processes of its own, that end with it."""

    def __init__(self, scratch, packages=None):
        self.scratch = scratch
        self.packages = packages
        self.numbers = itertools.count()
        self.installed = None
        self._mount()
        self.base = rootfs.make(CACHE)
        self.cgroup = os.path.join(CGROUPS, os.path.basename(self.scratch))

    def _mount(self):
        mounts = [["tmpfs", self.scratch]]
        # systemd-nspawn keeps a folder for each container; ours are to vanish with the mount.
        os.makedirs("/run/systemd/nspawn", exist_ok=True)
        mounts.append(["tmpfs", "/run/systemd/nspawn"])
        # Where this machine has the old cgroups, too, ours are to see only the new ones.
        if not os.path.exists(os.path.join(CGROUPS, "cgroup.controllers")):
            mounts.append(["cgroup2", CGROUPS])
        for kind, place in mounts:
            done = subprocess.run(["mount", "-t", kind, kind, place], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Skipped(f"nothing can be mounted here: {done.stderr.strip()}")

    def probe(self):
        """Boots the bare root file system. Raises Skipped where that can't be done: nothing of ours is in it."""
        box = None
        try:
            box = self.bare()
            box.boot()
        except (Failed, OSError, subprocess.SubprocessError) as failure:
            raise Skipped(f"no container boots here: {failure}") from failure
        finally:
            if box:
                box.remove()

    def install(self):
        """Installs the packages once; every container of theirs begins as it was left then."""
        self.packages = self.packages or fresh_packages()
        box = self.bare()
        box.run_unbooted("sh", "-c", "dpkg --install $(ls /mnt/*.deb | grep -v -e -dbgsym_)",
                         bind=f"{os.path.abspath(self.packages)}:/mnt")
        box.run_unbooted("usermod", "--append", "--groups", "pinion", "member")
        subprocess.run(["umount", box.root], check=True)
        self.installed = os.path.join(box.scratch, "upper")

    def _container(self, layers):
        name = f"pinion-{next(self.numbers)}"
        scratch = os.path.join(self.scratch, name)
        os.mkdir(scratch)
        return Container(name, layers, scratch, os.path.join(self.cgroup, name))

    def bare(self):
        """A container without Pinion, not booted."""
        return self._container([self.base])

    def container(self):
        """A booted container with Pinion installed; `box.pinion` speaks to it."""
        box = self._container([self.installed, self.base])
        try:
            box.boot()
            box.pinion = Pinion(box)
        except BaseException:
            box.remove()
            raise
        return box

    def machine(self):
        """A booted machine of QEMU's; the packages lie in /root/debs, not installed."""
        scratch = os.path.join(self.scratch, f"machine-{next(self.numbers)}")
        os.mkdir(scratch)
        packages = [name for name in glob.glob(os.path.join(self.packages, "*.deb")) if "-dbgsym_" not in name]
        return Machine(CACHE, self.base, scratch, {f"/root/debs/{os.path.basename(name)}": name for name in packages})
