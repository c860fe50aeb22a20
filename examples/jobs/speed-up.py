#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What more workers are good for: the same inputs with one worker, and with as many as the pool has.

  ./dev run examples/jobs/all-cores.yaml
  examples/jobs/speed-up.py                       in a second terminal, where pinionctl finds the daemon
  examples/jobs/speed-up.py primes 5000 5000      another pool, other inputs

The pool should have nothing else to do. It has its number of workers again at the end.
"""
import subprocess
import sys
import time


def pinionctl(*words):
    return subprocess.run(["pinionctl", *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def seconds(pool, workers, inputs):
    """How long the map takes with so many workers, each of which has begun its work before."""
    pinionctl("scale", pool, str(workers))
    pinionctl("map", "--progress=none", pool, *inputs[:1] * workers)
    begin = time.monotonic()
    pinionctl("map", "--progress=none", pool, *inputs)
    return time.monotonic() - begin


def main():
    pool = sys.argv[1] if len(sys.argv) > 1 else "primes"
    inputs = sys.argv[2:] or ["3000000"] * 32
    workers = int(pinionctl("show", pool, "-p", "Wanted").strip().removeprefix("Wanted="))
    if workers < 2:
        sys.exit(f"pool '{pool}' has {workers} workers: there is nothing to compare")
    try:
        alone = seconds(pool, 1, inputs)
        print(f"1 worker: {alone:.2f} s", flush=True)
        together = seconds(pool, workers, inputs)
        print(f"{workers} workers: {together:.2f} s, {alone / together:.1f} times as fast")
    finally:
        pinionctl("scale", pool, str(workers))


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        sys.exit(str(error))
