# SPDX-License-Identifier: Apache-2.0
"""What containers and machines have in common: commands are run in them, files are put there and read."""
from .testing import Failed


class Outcome:
    """What a command said: `code`, `out`, `err`."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def __str__(self):
        return f"{' '.join(self.argv)}: exit {self.code}\n{self.out}{self.err}"


class Box:
    def attempt(self, *argv, user=None, timeout=60, stdin=None):
        """Runs a command inside, as root or as `user`, and returns its Outcome, whatever it is."""
        raise NotImplementedError

    def run(self, *argv, **how):
        """As attempt, but a failure of the command is a failure of the test."""
        outcome = self.attempt(*argv, **how)
        if outcome.code != 0:
            raise Failed(str(outcome))
        return outcome

    def ask(self, *argv, **how):
        """What the command writes, without the last newline."""
        return self.run(*argv, **how).out.rstrip("\n")

    def write(self, inside, text, mode=0o644):
        """Writes a file as a careful editor does: beside it, then in its place."""
        folder, _, name = inside.rpartition("/")
        beside = f"{folder}/.{name}.new"
        script = f"mkdir -p {folder} && cat > {beside} && chmod {mode:o} {beside} && mv {beside} {inside}"
        self.run("sh", "-c", script, stdin=text)

    def read(self, inside):
        return self.run("cat", inside).out

    def exists(self, inside):
        return self.attempt("test", "-e", inside).code == 0

    def remove(self):
        """Ends it; nothing of it is left on this machine."""
        raise NotImplementedError
