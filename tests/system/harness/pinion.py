# SPDX-License-Identifier: Apache-2.0
"""Pinion in a box, spoken to with the tools of its users: systemctl, pinionctl, journalctl and files."""
import json
import os

from .testing import Failed, wait_until

POOLS = "/etc/pinion/pools.d"
CONFIG = "/etc/pinion/pinion.yaml"
DROP_INS = "/etc/systemd/system/pinion.service.d"
CGROUP = "/sys/fs/cgroup/system.slice/pinion.service"
IDLE = "[tail, -f, /dev/null]"  # a worker that ends at SIGTERM and else does nothing


class Pinion:
    def __init__(self, box):
        self.box = box
        self.packaged_config = box.read(CONFIG)
        self.since = "--boot"
        self.dropped_in = False

    def reset(self):
        """As freshly installed and not started; what the journal says from here on is this test's."""
        box = self.box
        box.attempt("systemctl", "stop", "pinion", timeout=120)
        box.attempt("sh", "-c", f"rm -f {POOLS}/*")
        box.write(CONFIG, self.packaged_config)
        if self.dropped_in:
            box.run("rm", "-rf", DROP_INS)
            box.run("systemctl", "daemon-reload")
            self.dropped_in = False
        box.attempt("systemctl", "reset-failed")
        self.mark()

    def mark(self):
        """From here on counts what the journal says."""
        # Not a cursor: journalctl 252 skips the first match after one that does not match itself.
        # The box's own clock: that of an emulated machine falls behind ours when the host is busy.
        self.since = f"--since=@{self.box.ask('date', '+%s.%6N')}"

    # --- Configuration

    def pool(self, name, **keys):
        """Saves the file of one pool. Values are YAML; a pool without a command idles."""
        keys = {"command": IDLE, **keys}
        lines = [f"    {key}: {value}\n" for key, value in keys.items()]
        self.save(name, f"pools:\n  {name}:\n{''.join(lines)}")

    def save(self, name, text):
        self.box.write(f"{POOLS}/{name}.yaml", text)

    def forget(self, name):
        self.box.run("rm", f"{POOLS}/{name}.yaml")

    def drop_in(self, text):
        self.box.write(f"{DROP_INS}/test.conf", text)
        self.box.run("systemctl", "daemon-reload")
        self.dropped_in = True

    # --- Life

    def start(self):
        self.box.run("systemctl", "start", "pinion")

    def unit(self, field):
        return self.box.ask("systemctl", "show", "-P", field, "pinion")

    def main_pid(self):
        return int(self.unit("MainPID"))

    def ctl(self, *words, **how):
        return self.box.run("pinionctl", *words, **how)

    def workers(self, pool):
        """slot → the worker's members of `pinionctl status --json`."""
        status = json.loads(self.ctl("--json", "status", pool).out)
        return {worker["slot"]: worker for found in status["pools"] for worker in found["workers"]}

    def pids(self, pool):
        return [worker["pid"] for _, worker in sorted(self.workers(pool).items())]

    def running(self, pool, count, seconds=10):
        """Waits until `count` workers run; their pids by slot."""
        def all_run():
            answer = self.box.attempt("pinionctl", "--json", "status", pool)
            if answer.code != 0:
                return False
            workers = [worker for found in json.loads(answer.out)["pools"] for worker in found["workers"]]
            up = [worker["pid"] for worker in workers if worker["state"] == "running"]
            return up if len(up) == count == len(workers) else False
        return wait_until(f"{count} workers of '{pool}' run", all_run, seconds)

    # --- Journal

    def journal(self, *matches):
        """This test's entries that match, oldest first, as journalctl tells them."""
        lines = self.box.ask("journalctl", "-q", "-o", "json", "--all", self.since, *matches)
        return [json.loads(line) for line in lines.splitlines()]

    def await_entry(self, *matches, containing="", seconds=10):
        """Waits for an entry; fields of journald's own making can be matched too."""
        def find():
            for entry in self.journal(*matches):
                if containing in text_of(entry):
                    return entry
            return None
        return wait_until(f"a journal entry {' '.join(matches)} with '{containing}'", find, seconds)

    def evidence(self):
        """What to look at when a test has failed."""
        try:
            journal = self.box.attempt("journalctl", "-q", "--no-hostname", "-o", "short-precise", self.since).out
            status = self.box.attempt("systemctl", "status", "--no-pager", "-n0", "pinion").out
        except Failed as failure:
            return str(failure)
        return "\n".join(journal.splitlines()[-60:]) + "\n" + status

    # --- Cgroups, as the box sees them

    def cgroups(self):
        """The cgroups below the unit's own, relative to it."""
        top = self.box.path(CGROUP)
        return sorted(os.path.relpath(folder, top) for folder, _, _ in os.walk(top) if folder != top)

    def cgroup_of(self, pid):
        # Asked inside: what a process reads there depends on where it sits itself.
        for line in self.box.ask("cat", f"/proc/{pid}/cgroup").splitlines():
            if line.startswith("0::"):
                return line[3:]
        raise Failed(f"process {pid} is in no cgroup")


def text_of(entry):
    """An entry's message: journalctl tells bytes that are no text as a list of numbers."""
    message = entry.get("MESSAGE") or ""
    return bytes(message).decode(errors="replace") if isinstance(message, list) else message
