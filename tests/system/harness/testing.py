# SPDX-License-Identifier: Apache-2.0
"""What a test file uses: it marks its tests, says what it expects, and waits for what must come.

A test is a function whose name is a sentence. It takes the box (container or machine) that its file runs in.
"""
import time

POLL = 0.02  # seconds between two looks where no event is to be had


class Failed(Exception):
    """What was expected did not come true; the text is the evidence."""


class Skipped(Exception):
    """It can't be tried here; the text says why."""


def test(function):
    """Marks a function as a test. Tests run in the order of the file."""
    function.is_test = True
    return function


def tests_of(module):
    """The module's tests, in the order of the file."""
    return [value for value in vars(module).values() if getattr(value, "is_test", False)]


def sentence(function):
    return function.__name__.replace("_", " ")


def expect(condition, what):
    if not condition:
        raise Failed(f"expected: {what}")


def expect_equal(found, wanted, what):
    if found != wanted:
        raise Failed(f"{what}: expected {wanted!r}, found {found!r}")


def expect_in(part, whole, what):
    if part not in whole:
        raise Failed(f"{what}: expected {part!r} in:\n{whole}")


def wait_until(what, condition, seconds=10.0):
    """Returns the first true answer of `condition`; fails with what it said last when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds:g} s: {what} (last answer: {answer!r})")
        time.sleep(POLL)
