# SPDX-License-Identifier: Apache-2.0
"""A machine with eight CPUs on two nodes, and every controller of cgroup v2: QEMU without KVM, Debian's own kernel.

Its root file system is the containers' one, unpacked by the kernel as initramfs; what a test adds to it follows in a second
archive. Commands go over a serial line to an agent inside.
"""
import json
import os
import platform
import shutil
import socket
import subprocess
import time

from .box import Box, Outcome
from .testing import Failed, Skipped

KERNEL = "linux-image-cloud-amd64"
BOOT_SECONDS = 300
SMP = ["-smp", "8,sockets=2,cores=2,threads=2", "-m", "3G",
       "-object", "memory-backend-ram,id=m0,size=1536M", "-numa", "node,nodeid=0,cpus=0-3,memdev=m0",
       "-object", "memory-backend-ram,id=m1,size=1536M", "-numa", "node,nodeid=1,cpus=4-7,memdev=m1"]
AGENT_UNIT = """[Unit]
After=basic.target
[Service]
ExecStart=/usr/bin/python3 /root/agent.py /dev/ttyS1
[Install]
WantedBy=multi-user.target
"""


def find_kernel(cache):
    """The path of Debian's kernel, fetched as a package and unpacked, never installed. Raises Skipped without one."""
    found = [name for name in os.listdir(cache) if name.startswith("vmlinuz-")]
    if found:
        return os.path.join(cache, sorted(found)[-1])
    shown = subprocess.run(["apt-cache", "depends", KERNEL], capture_output=True, text=True, check=False).stdout
    names = [line.split()[-1] for line in shown.splitlines() if "Depends: linux-image-" in line]
    if not names:
        raise Skipped(f"apt knows no package {KERNEL}")
    folder = os.path.join(cache, "kernel")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    steps = f"apt-get download -qq {names[0]} && dpkg-deb --fsys-tarfile *.deb | tar -x --wildcards './boot/vmlinuz-*'"
    done = subprocess.run(["sh", "-c", steps], cwd=folder, capture_output=True, text=True, check=False)
    kernels = os.listdir(os.path.join(folder, "boot")) if os.path.isdir(os.path.join(folder, "boot")) else []
    if done.returncode != 0 or not kernels:
        raise Skipped(f"package {names[0]} can't be fetched: {done.stderr.strip()}")
    path = os.path.join(cache, kernels[0])
    os.rename(os.path.join(folder, "boot", kernels[0]), path)
    shutil.rmtree(folder)
    return path


def archive(folder, path):
    """Packs a folder as the kernel unpacks it."""
    with open(f"{path}.new", "wb") as packed:
        subprocess.run("find . -xdev -print0 | cpio --null --create --format=newc --quiet", shell=True, cwd=folder,
                       stdout=packed, check=True)
    os.rename(f"{path}.new", path)


def base_archive(cache, base):
    """The root file system's archive, made once for each."""
    path = os.path.join(cache, os.path.basename(base).replace("rootfs-", "initramfs-"))
    if not os.path.exists(path):
        archive(base, path)
    return path


class Machine(Box):
    """`files`: path inside → path of a file of ours that is put there."""

    def __init__(self, cache, base, scratch, files):
        if platform.machine() != "x86_64":
            raise Skipped(f"the machine is an x86_64, this is {platform.machine()}")
        for tool in ("qemu-system-x86_64", "cpio"):
            if not shutil.which(tool):
                raise Skipped(f"there is no {tool} here; as root: apt-get install qemu-system-x86 cpio")
        self.scratch = scratch
        self.console = os.path.join(scratch, "console")
        self.qemu = self.line = None
        self.heard = b""
        kernel, initramfs = find_kernel(cache), os.path.join(scratch, "initramfs")
        added = self._added(files)
        with open(initramfs, "wb") as whole:
            for part in (base_archive(cache, base), added):
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, whole)
        self._boot(kernel, initramfs)

    def _added(self, files):
        tree = os.path.join(self.scratch, "added")
        wants = os.path.join(tree, "etc/systemd/system/multi-user.target.wants")
        os.makedirs(wants)
        os.makedirs(os.path.join(tree, "root"))
        with open(os.path.join(tree, "etc/systemd/system/test-agent.service"), "w", encoding="ascii") as unit:
            unit.write(AGENT_UNIT)
        os.symlink("../test-agent.service", os.path.join(wants, "test-agent.service"))
        for inside, path in {"/root/agent.py": os.path.join(os.path.dirname(__file__), "agent.py"), **files}.items():
            os.makedirs(os.path.dirname(tree + inside), exist_ok=True)
            shutil.copy(path, tree + inside)
        archive(tree, f"{tree}.cpio")
        return f"{tree}.cpio"

    def _boot(self, kernel, initramfs):
        ours, theirs = socket.socketpair()
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "Haswell-noTSX", *SMP, "-nodefaults",
                   "-display", "none", "-no-reboot", "-kernel", kernel, "-initrd", initramfs,
                   "-append", "rdinit=/usr/lib/systemd/systemd console=ttyS0 quiet panic=-1 "
                   "systemd.show_status=no systemd.getty_auto=no",
                   "-serial", f"file:{self.console}",
                   "-chardev", f"socket,id=agent,fd={theirs.fileno()}", "-serial", "chardev:agent"]
        with open(os.path.join(self.scratch, "qemu"), "wb") as said:
            self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                         pass_fds=[theirs.fileno()])
        theirs.close()
        self.line = ours
        try:
            # What the line says before the agent speaks is noise.
            while self._answer(BOOT_SECONDS) != {"ready": True}:
                pass
        except Failed:
            said = "".join(self._tail(name) for name in ("console", "qemu"))
            self.remove()
            raise Failed(f"the machine does not boot:\n{said}") from None

    def _tail(self, name):
        with open(os.path.join(self.scratch, name), encoding="utf-8", errors="replace") as file:
            return file.read()[-1500:]

    def _answer(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            line, newline, rest = self.heard.partition(b"\n")
            if newline:
                self.heard = rest
                try:
                    return json.loads(line)
                except ValueError:
                    continue
            self.line.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                more = self.line.recv(65536)
            except TimeoutError:
                more = b""
            if not more:
                raise Failed(f"no answer from the machine within {seconds} s")
            self.heard += more

    def attempt(self, *argv, user=None, timeout=60, stdin=None):
        words = ["runuser", "-u", user, "--", *argv] if user else list(argv)
        self.line.settimeout(timeout)
        self.line.sendall(json.dumps({"argv": words, "stdin": stdin or "", "timeout": timeout}).encode() + b"\n")
        answer = self._answer(timeout + 10)
        if answer["code"] is None:
            raise Failed(f"{' '.join(argv)}: no end after {timeout} s")
        return Outcome(list(argv), answer["code"], answer["out"], answer["err"])

    def remove(self):
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
        if self.line:
            self.line.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
