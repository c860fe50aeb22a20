# SPDX-License-Identifier: Apache-2.0
"""A piniond of one's own for the tests in Python: started in a folder that goes with it, watched by its events."""
import json
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import time

PATIENCE = 30  # seconds, for what takes milliseconds on an idle machine


class LiveDaemon:
    def __init__(self, binaries, config):
        self.binaries = binaries
        self.folder = tempfile.mkdtemp(prefix="pinion-test-")
        self.config = self.path("pinion.yaml")
        self.save(config)
        self.log = open(self.path("log"), "w+", encoding="utf-8", errors="replace")
        self.ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ready.bind(self.path("notify.sock"))
        self.daemon = subprocess.Popen(
            [f"{binaries}/piniond", "--config", self.config, "--runtime-dir", self.path("run"), "--state-dir", self.path("state"),
             "--log", "console"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=os.environ | {"NOTIFY_SOCKET": self.path("notify.sock")})
        self.events = None
        self.seen = []

    def __enter__(self):
        try:
            self.wait_ready()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        # Unbuffered, so that what was not read yet can be waited for.
        self.events = subprocess.Popen(self.command("events", "--follow", "--json"), stdout=subprocess.PIPE, bufsize=0)
        return self

    def wait_ready(self):
        """Until it says that it is ready; its end, or its silence, is an error."""
        pidfd = os.pidfd_open(self.daemon.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.ready, selectors.EVENT_READ)
                selector.register(pidfd, selectors.EVENT_READ)
                while True:
                    what = [key.fileobj for key, _ in selector.select(PATIENCE)]
                    if not what or pidfd in what:
                        raise AssertionError("piniond did not become ready")
                    if b"READY=1" in self.ready.recv(4096):
                        return
        finally:
            os.close(pidfd)

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print("--- piniond wrote:\n" + self.written() + "---")
        for process in (self.events, self.daemon):
            if process is not None:
                process.terminate()
                process.wait(PATIENCE)
        self.ready.close()
        self.log.close()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def written(self):
        self.log.flush()
        with open(self.path("log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def save(self, config):
        """Replaces the configuration by a rename, as editors do."""
        with open(self.config + ".new", "w", encoding="utf-8") as file:
            file.write(config)
        os.rename(self.config + ".new", self.config)

    def command(self, *words):
        return [f"{self.binaries}/pinionctl", "--runtime-dir", self.path("run"), *words]

    def ctl(self, *words):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=PATIENCE, check=False)

    def next_event(self, deadline):
        with selectors.DefaultSelector() as selector:
            selector.register(self.events.stdout, selectors.EVENT_READ)
            if not selector.select(max(0, deadline - time.monotonic())):
                return None
        line = self.events.stdout.readline()
        if line:
            self.seen.append(json.loads(line))
        return line or None

    def until(self, what, holds):
        """Looks again after each event until `holds` of the pools, by name."""
        deadline = time.monotonic() + PATIENCE
        while True:
            pools = {pool["name"]: pool for pool in json.loads(self.ctl("status", "--json").stdout)["pools"]}
            if holds(pools):
                return
            if self.next_event(deadline) is None:
                raise AssertionError(f"not in time: {what}; pools: {json.dumps(pools, indent=1)}")
