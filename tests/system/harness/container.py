# SPDX-License-Identifier: Apache-2.0
"""A real systemd in a container: booted by systemd-nspawn on an overlay, entered by nsenter, gone without a trace.

Commands run inside with the container's namespaces but none of its limits. Its files are reached through the leader's
root, which is the container's own mount: a saved edit is seen there as an editor's would be.
"""
import os
import shutil
import signal
import socket
import subprocess
import time

from .box import Box, Outcome
from .testing import Failed, wait_until

BOOT_SECONDS = 60
RTMIN_POWEROFF = signal.SIGRTMIN + 4


def remove_cgroup(top):
    """Removes a tree of cgroups whose processes are ending."""
    def gone():
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                return False
        return True
    wait_until(f"the cgroups below '{top}' are empty", gone)


class Container(Box):
    def __init__(self, name, layers, scratch, cgroup):
        """`layers`: folders, topmost first, that stay unchanged; `scratch`: an empty folder on a tmpfs;
        `cgroup`: a cgroup2 folder to be made for it."""
        self.name, self.layers, self.scratch, self.cgroup = name, layers, scratch, cgroup
        self.root = os.path.join(scratch, "root")
        self.console = os.path.join(scratch, "console")
        self.leader = None
        self.nspawn = None
        for folder in ("upper", "work", "root"):
            os.makedirs(os.path.join(scratch, folder), exist_ok=True)
        options = (f"lowerdir={':'.join(layers)},upperdir={os.path.join(scratch, 'upper')},"
                   f"workdir={os.path.join(scratch, 'work')}")
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.root], check=True)

    # --- Life

    def _nspawn(self, *words):
        """The command line of systemd-nspawn, begun in our own cgroup."""
        os.makedirs(self.cgroup, exist_ok=True)
        join = ["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', self.cgroup]
        return join + ["systemd-nspawn", "--quiet", "--directory", self.root, "--register=no", "--keep-unit",
                       "--private-network", "--machine", self.name, "--console=pipe", *words]

    def run_unbooted(self, *argv, bind=None):
        """Runs one command in the file system, without a systemd."""
        words = [f"--bind-ro={bind}"] if bind else []
        done = subprocess.run(self._nspawn(*words, *argv), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, check=False)
        remove_cgroup(self.cgroup)
        if done.returncode != 0:
            raise Failed(str(Outcome(list(argv), done.returncode, done.stdout, done.stderr)))

    def boot(self):
        """Returns when its systemd says that it is up."""
        notify = os.path.join(self.scratch, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as news:
            if os.path.exists(notify):
                os.unlink(notify)
            news.bind(notify)
            news.settimeout(1)
            with open(self.console, "ab") as console:
                self.nspawn = subprocess.Popen(
                    self._nspawn("--boot", "--notify-ready=yes"), stdin=subprocess.DEVNULL, stdout=console,
                    stderr=console, env={**os.environ, "NOTIFY_SOCKET": notify, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
            self._await_ready(news)
        return self

    def _await_ready(self, news):
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self.nspawn.poll() is None:
            try:
                words = news.recv(4096).decode().split("\n")
            except TimeoutError:
                continue
            for word in words:
                if word.startswith("X_NSPAWN_LEADER_PID="):
                    self.leader = int(word.partition("=")[2])
            if "READY=1" in words:
                return
        with open(self.console, encoding="utf-8", errors="replace") as console:
            said = console.read()[-1500:]
        self.kill()
        raise Failed(f"container '{self.name}' does not boot:\n{said}")

    def power_off(self, seconds=60):
        """An orderly end, as by the machine's power button. Returns the seconds that it took."""
        began = time.monotonic()
        os.kill(self.leader, RTMIN_POWEROFF)
        try:
            self.nspawn.wait(seconds)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"container '{self.name}' is not off after {seconds} s") from late
        self._ended()
        return time.monotonic() - began

    def kill(self):
        """The end at once, as by a cut wire. May be called in every state."""
        if self.nspawn is None:
            return
        if self.nspawn.poll() is None and self.leader is not None:
            os.kill(self.leader, signal.SIGKILL)
        try:
            self.nspawn.wait(10)
        except subprocess.TimeoutExpired:
            with open(os.path.join(self.cgroup, "cgroup.kill"), "w", encoding="ascii") as everything:
                everything.write("1")
            self.nspawn.wait(10)
        self._ended()

    def _ended(self):
        self.nspawn = self.leader = None
        remove_cgroup(self.cgroup)

    def remove(self):
        self.kill()
        subprocess.run(["umount", "--lazy", self.root], check=False)
        shutil.rmtree(self.scratch, ignore_errors=True)

    # --- Commands

    def enter(self, *argv, user=None):
        """The command line that runs `argv` inside, as root or as `user` with that user's session folder."""
        inside = ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--", "env", "-i",
                  "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"]
        if user:
            uid = self.ask("id", "-u", user)
            inside += [f"HOME=/home/{user}", f"XDG_RUNTIME_DIR=/run/user/{uid}",
                       f"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{uid}/bus", "runuser", "-u", user, "--"]
        return inside + list(argv)

    def attempt(self, *argv, user=None, timeout=60, stdin=None):
        try:
            done = subprocess.run(self.enter(*argv, user=user), input=stdin if stdin is not None else "",
                                  capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{' '.join(argv)}: no end after {timeout} s") from late
        return Outcome(list(argv), done.returncode, done.stdout, done.stderr)

    # --- Files and processes

    def path(self, inside):
        return f"/proc/{self.leader}/root{inside}"

    def write(self, inside, text, mode=0o644):
        path = self.path(inside)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        beside = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.new")
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        os.rename(beside, path)

    def read(self, inside):
        with open(self.path(inside), encoding="utf-8", errors="replace") as file:
            return file.read()

    def exists(self, inside):
        return os.path.lexists(self.path(inside))

    def processes(self):
        """pid → command line of every process inside."""
        found = {}
        proc = self.path("/proc")
        for pid in filter(str.isdigit, os.listdir(proc)):
            try:
                with open(f"{proc}/{pid}/cmdline", "rb") as file:
                    found[int(pid)] = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue  # it ended meanwhile
        return found

    def processes_with(self, word):
        return sorted(pid for pid, line in self.processes().items() if word in line)
