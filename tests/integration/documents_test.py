#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every command that README.md and docs/ tell their reader to type, in a block or within a sentence, works.

What pinionctl is told is told to a daemon that also has README's own job pool; of ./dev and cmake the words and presets must be there; the rest stands below with
the reason why a test can't run it. (That each yaml block loads is tested beside the reader, in tests/unit/config.)
A text block right after a block of commands is what the last of them prints, and a picture is what it writes.
usage: documents_test.py FOLDER_OF_BINARIES FOLDER_OF_SOURCES
"""
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

from live_daemon import PATIENCE, LiveDaemon

WEB = """
version: 1
pools:
  web: {command: [sh, -c, 'echo hello; exec tail -f /dev/null'], workers: 4}
"""
LANGUAGES = {"sh", "yaml", "ini", "text", "cpp", "cmake"}
TOLD_TO_TYPE = re.compile(r"`((?:\./dev|pinionctl|apt|cmake|install|journalctl|systemctl|systemd-analyze) [^`…]+)`")

# What a test can't run, and why. That the files are where these commands look is tested on an installed package.
NOT_RUN = {
    "apt install ./build-package/pinion_*.deb": "installs on the machine; tests/system does it in a container",
    "journalctl -u pinion -f": "wants a journal; tests/system reads one",
    "journalctl PINION_POOL=web PINION_SLOT=3": "wants a journal; tests/system reads one",
    "journalctl -x": "wants a journal; a structure test compares the catalog with the records",
    "systemctl reload pinion": "wants a running systemd; tests/system does it",
    "systemctl restart pinion": "wants a running systemd; tests/system does it",
    "systemctl daemon-reload": "wants a running systemd; tests/system does it",
    "systemctl --user enable --now pinion": "wants a running systemd; tests/system does it",
    "systemctl --user start pinion": "wants a running systemd; tests/system does it",
    "systemd-analyze security": "wants an installed unit",
    "systemd-analyze security pinion.service": "wants an installed unit",
    "install -D -m 644 /usr/share/doc/pinion/examples/hardened.conf /etc/systemd/system/pinion.service.d/hardened.conf":
        "writes to /etc; the package has the file",
}

# What ends only by a signal, or later than a test would wait: further words, and the exit code then.
ENDED_BY = {"pinionctl wait web": (["--timeout", "10ms"], 3)}


def pages(source):
    """What readers follow; docs/adr tells why, not how."""
    return [os.path.join(source, "README.md"), *sorted(glob.glob(os.path.join(source, "docs", "*.md")))]


def blocks(page):
    """The fenced blocks of a page: language and text."""
    with open(page, encoding="utf-8") as file:
        return re.findall(r"^```(\w*)\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)


def sentences(page):
    with open(page, encoding="utf-8") as file:
        return re.sub(r"^```.*?^```$", "", file.read(), flags=re.MULTILINE | re.DOTALL)


def typed(page):
    """Every command that a page wants typed, one each."""
    lines = [line.split("  #")[0].strip() for language, text in blocks(page) if language == "sh" for line in text.splitlines()]
    lines += TOLD_TO_TYPE.findall(sentences(page))
    # "`pinionctl start`, `stop`, `scale web 8`": the program is said once.
    for row in re.findall(r"`pinionctl \w[^`]*`((?:, `[^`]+`)+)", sentences(page)):
        lines += ["pinionctl " + words for words in re.findall(r"`([^`]+)`", row) if "ctl " not in words]
    return [command.strip() for line in lines if line for command in line.split("&&")]


class Reader:
    """Does what the pages say."""

    def __init__(self, binaries, source, desk):
        self.binaries = binaries
        self.source = source
        self.desk = desk  # a folder with the yaml blocks that have a name, as the reader would have saved them
        self.dev_usage = subprocess.run(["./dev", "help"], cwd=source, capture_output=True, text=True, check=True).stdout
        with open(os.path.join(source, "CMakePresets.json"), encoding="utf-8") as file:
            presets = json.load(file)["configurePresets"]
        self.presets = {preset["name"]: os.path.basename(preset["binaryDir"]) for preset in presets}
        with open(os.path.join(desk, "doubles.yaml"), encoding="utf-8") as file:
            self.config = WEB + file.read().split("pools:\n")[1]
        self.excused = set()
        self.printed = {}

    def follow(self, command):
        if command in NOT_RUN:
            self.excused.add(command)
            return
        words = shlex.split(command)
        if words[0] == "pinionctl":
            self.pinionctl(command, words[1:])
        elif words[0] == "./dev":
            assert re.search(rf"^  {re.escape(words[1])}\b", self.dev_usage, re.MULTILINE), f"./dev does not know '{words[1]}'"
        elif words[0] == "cmake":
            known = self.presets if words[1] == "--preset" else self.presets.values()
            assert words[1] in ("--preset", "--build", "--install") and words[2] in known, f"there is no '{words[2]}'"
        else:
            raise AssertionError(f"nobody says how to try '{command}'; add it to NOT_RUN with the reason if it can't be")

    def pinionctl(self, command, words):
        """To a daemon of its own, since some stop what others look at."""
        words = [word.replace("POOL/SLOT", "web/3") for word in words]
        if words in (["start"], ["stop"], ["restart"]):
            words.append("web")
        further, code = ENDED_BY.get(command, ([], 0))
        with LiveDaemon(self.binaries, self.config) as daemon:
            daemon.until("running", lambda pools: pools["web"]["state"] == "running" and pools["web"]["up"] == 4)
            if words[-1] == "-f":
                return expect_a_line(daemon.command(*words))
            done = subprocess.run(daemon.command(*words, *further), cwd=self.desk, capture_output=True, text=True,
                                  timeout=PATIENCE, check=False)
        assert done.returncode == code, f"{command}: exit {done.returncode}, not {code}: {done.stderr}{done.stdout}"
        self.printed[command] = done.stdout
        return None


def named_files(pages_read):
    """The yaml blocks that begin with the name of their file: name and text."""
    for page in pages_read:
        for language, text in blocks(page):
            name = re.match(r"# (?:/\S+/)?([\w-]+\.yaml)\n", text)
            if language == "yaml" and name:
                yield name[1], text


def shown(page):
    """What a page shows right after commands: the last of these and the text."""
    with open(page, encoding="utf-8") as file:
        pairs = re.findall(r"^```sh\n([^`]*?)^```\n\n```text\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    return [(commands.strip().splitlines()[-1], text) for commands, text in pairs]


def expect_a_line(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    process.terminate()
    process.wait(PATIENCE)
    process.stdout.close()
    # What stands in it is the daemon's, or of another one that writes to the machine's journal.
    assert " web/3 " in line, f"{command}: {line!r}"


def expect_as_shown(reader, page):
    """That the texts and pictures of a page are what its commands make."""
    for command, text in shown(page):
        assert reader.printed[command] == text, f"{page} shows of '{command}' another text than:\n{reader.printed[command]}"
    folder = os.path.dirname(page)
    for name in os.listdir(reader.desk):
        picture = os.path.join(folder, name)
        if name.endswith(".svg") and os.path.exists(picture):
            with open(picture, encoding="utf-8") as there, open(os.path.join(reader.desk, name), encoding="utf-8") as made:
                assert there.read() == made.read(), f"make '{picture}' anew with the command that {page} names"


def read_all(reader):
    commands = {}
    for page in pages(reader.source):
        for language, text in blocks(page):
            assert language in LANGUAGES, f"{page}: a block says not what it is: {text}"
        for command in typed(page):
            commands.setdefault(command, os.path.relpath(page, reader.source))
    for command, page in commands.items():
        print(f"{page}: {command}", flush=True)
        reader.follow(command)
    for page in pages(reader.source):
        expect_as_shown(reader, page)
    assert len(commands) > 20, "the pages are not read as they should be"
    assert reader.excused == set(NOT_RUN), f"nobody says any more: {set(NOT_RUN) - reader.excused}"


def main():
    binaries, source = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="pinion-documents-") as desk:
        for name, text in named_files(pages(source)):
            with open(os.path.join(desk, name), "w", encoding="utf-8") as file:
                file.write(text)
        read_all(Reader(binaries, source, desk))


main()
