# SPDX-License-Identifier: Apache-2.0
"""The root file system that everything boots: a small Debian, made once by mmdebstrap and kept.

It is kept under a name made of its recipe, so a changed recipe makes a new one and the old one goes.
"""
import fcntl
import hashlib
import json
import os
import shutil
import subprocess

from .testing import Skipped

RECIPE = {
    "suite": "bookworm",
    "variant": "minbase",
    "packages": [
        # What Debian's own standard machine has.
        "systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "udev", "kmod", "procps",
        # What pinion's packages depend on.
        "init-system-helpers", "libfmt9", "libhwloc15", "libspdlog1.10", "libsystemd0", "libyaml-cpp0.7",
        # What the tests' own workers and checks use.
        "busybox-static", "python3", "util-linux",
    ],
    # alice stays a stranger; member joins the group pinion once the package has made it.
    "hooks": [
        "chroot \"$1\" useradd --create-home --shell /bin/sh alice",
        "chroot \"$1\" useradd --create-home --shell /bin/sh member",
        "echo pinion-test > \"$1/etc/hostname\"",
        ": > \"$1/etc/machine-id\"",
    ],
}


def key():
    return hashlib.sha256(json.dumps(RECIPE, sort_keys=True).encode()).hexdigest()[:12]


def make(cache):
    """The folder of the root file system, made if it is not there. Raises Skipped where it can't be made."""
    folder = os.path.join(cache, f"rootfs-{key()}")
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w", encoding="ascii") as lock:
        # Another run may be at it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            build(cache, folder)
    return folder


def build(cache, folder):
    for old in os.listdir(cache):
        if old.startswith(("rootfs-", "making-", "initramfs-")):
            subprocess.run(["rm", "-rf", os.path.join(cache, old)], check=True)
    print("making the root file system (once, about 20 s)", flush=True)
    # Named at the end, so that a half-made one is never taken for whole.
    making = os.path.join(cache, "making-rootfs")
    command = ["mmdebstrap", "--quiet", f"--variant={RECIPE['variant']}", "--include=" + ",".join(RECIPE["packages"])]
    command += [f"--customize-hook={hook}" for hook in RECIPE["hooks"]]
    command += [RECIPE["suite"], making]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        raise Skipped(f"mmdebstrap makes no root file system here:\n{made.stderr[-1500:]}")
    os.rename(making, folder)
