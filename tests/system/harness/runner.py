# SPDX-License-Identifier: Apache-2.0
"""Runs test files beside each other, each in a box of its own, and says what came of every test."""
import importlib.util
import os
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from .testing import Failed, Skipped, sentence, tests_of

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BESIDE = 2  # boxes at once


def load(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(FOLDER, f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def title_of(module, test):
    return f"{module.__name__.removesuffix('_test')}: {sentence(test)}"


def chosen(words):
    """[(module, its tests)] that a word names a part of, those that take long first; all without a word."""
    found = []
    for file in sorted(os.listdir(FOLDER)):
        if not file.endswith("_test.py"):
            continue
        module = load(file[:-3])
        tests = [test for test in tests_of(module)
                 if not words or any(word in title_of(module, test) for word in words)]
        if tests:
            found.append((module, tests))
    return sorted(found, key=lambda pair: -getattr(pair[0], "SECONDS", 10))


def open_box(module, lab):
    """A file that needs another box than a container with Pinion says so itself."""
    own = getattr(module, "open_box", None)
    return own(lab) if own else lab.container()


class Report:
    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def add(self, word, title, seconds, evidence=""):
        with self.lock:
            self.counts[word] += 1
            shown = {"passed": "ok     ", "failed": "FAILED ", "skipped": "skipped"}[word]
            print(f"{shown} {title} ({seconds:.1f} s)", flush=True)
            if evidence:
                print("".join(f"        {line}\n" for line in evidence.rstrip().splitlines()), flush=True)

    def close(self):
        print(", ".join(f"{count} {word}" for word, count in self.counts.items()), flush=True)
        return 1 if self.counts["failed"] else 0


def place_of(error):
    """Where in a test file an expectation failed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith("_test.py")]
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}: " if frames else ""


def run_test(module, test, box, report):
    title = title_of(module, test)
    began = time.monotonic()
    pinion = getattr(box, "pinion", None)
    try:
        if pinion:
            pinion.reset()
        test(box)
    except Skipped as reason:
        report.add("skipped", title, time.monotonic() - began, str(reason))
    except Exception as error:  # pylint: disable=broad-except  (a test's own mistake is its failure)
        evidence = str(error) if isinstance(error, Failed) else "".join(traceback.format_exception(error))
        if pinion:
            evidence += "\n" + pinion.evidence()
        report.add("failed", title, time.monotonic() - began, place_of(error) + evidence)
    else:
        report.add("passed", title, time.monotonic() - began)


def run_file(module, tests, lab, report):
    name = module.__name__.removesuffix("_test")
    began = time.monotonic()
    try:
        box = open_box(module, lab)
    except Skipped as reason:
        report.add("skipped", name, time.monotonic() - began, str(reason))
        return
    except Exception as error:  # pylint: disable=broad-except
        report.add("failed", f"{name}: its box opens", time.monotonic() - began,
                   "".join(traceback.format_exception(error)))
        return
    try:
        for test in tests:
            run_test(module, test, box, report)
    finally:
        box.remove()


def run(lab, words):
    """The exit code: 0 when no test has failed."""
    files = chosen(words)
    if not files:
        print(f"no test has '{' '.join(words)}' in its name; --list shows them", file=sys.stderr)
        return 2
    report = Report()
    with ThreadPoolExecutor(BESIDE) as pool:
        for done in [pool.submit(run_file, module, tests, lab, report) for module, tests in files]:
            done.result()
    return report.close()
