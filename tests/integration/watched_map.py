# SPDX-License-Identifier: Apache-2.0
"""A named map amid kills, for jobs_crash_test.py: whoever comes back to it is told what those before him were told, and the rest."""
import json
import subprocess

SIZE = 150
PATIENCE = 60


class WatchedMap:
    """Its client is killed now and then, or left by the daemon; another one comes back by the map's name or with the same inputs. When
    all of it has been printed, the next map begins."""

    def __init__(self, daemon, dice, make_wish, expected):
        self.daemon, self.dice, self.make_wish, self.expected = daemon, dice, make_wish, expected
        self.maps, self.clients, self.came_back = 0, 0, 0
        self.jobs, self.wrongs = {}, []
        self.begin()

    def begin(self):
        self.maps += 1
        self.name = f"film-{self.maps}"
        self.wishes = [self.make_wish() for _ in range(SIZE)]
        self.inputs = self.daemon.folder / f"{self.name}.inputs"
        self.inputs.write_text("".join(json.dumps({"kind": kind, "n": n}) + "\n" for kind, n in self.wishes))
        self.told = []
        self.call(attach=False)

    def call(self, attach):
        self.attach = attach
        self.clients += 1
        words = ["--attach", self.name] if attach else ["work", "--name", self.name]
        with (open(self.inputs, "rb") as inputs, open(self.daemon.folder / "film.out", "wb") as out,
              open(self.daemon.folder / "film.err", "wb") as err):
            self.client = subprocess.Popen(self.daemon.command("map", *words, "--json"), stdin=inputs, stdout=out, stderr=err)

    def look(self):
        if self.client.poll() is None and self.dice.random() < 0.9:
            return
        self.client.kill()
        self.hear()
        if len(self.told) == SIZE and self.dice.random() < 0.5:
            self.close()
            self.begin()
        else:
            self.call(attach=self.dice.random() < 0.5)

    def hear(self):
        """What the client printed until its end; of what differs, the first. Returns whether it was all, and it knew that."""
        code = self.client.wait(PATIENCE)
        lines = (self.daemon.folder / "film.out").read_text().split("\n")[:-1]
        rows = [json.loads(line) for line in lines]
        self.came_back += 0 < len(self.told) <= len(rows)
        for index, (before, now) in enumerate(zip(self.told, rows)):
            if before != now:
                self.wrongs.append(f"{self.name}: told {before!s:.120}, then {now!s:.120}")
                break
        self.told += rows[len(self.told):]
        if [row["index"] for row in rows] != list(range(len(rows))):
            self.wrongs.append(f"{self.name}: its results are out of order: {[row['index'] for row in rows]!s:.200}")
        failed = int(any(row["state"] != "done" for row in rows))
        # It may have been killed, or left by the daemon; and who attaches may hear that nobody gives the rest of the inputs.
        words = (self.daemon.folder / "film.err").read_text(errors="replace")
        left = self.attach and (code == 1 and "its inputs are incomplete" in words or code == 4 and not self.told)
        if code not in [-9, 5] + [failed] * (len(rows) == SIZE) and not left:
            self.wrongs.append(f"{self.name}: after {len(rows)} results its client ended with {code}: {words[-300:]}")
        return code == failed and len(rows) == SIZE

    def close(self):
        """All of the map was printed: as it must be?"""
        for (kind, n), row in zip(self.wishes, self.told):
            if (row["state"], row.get("result")) != self.expected((kind, n)):
                self.wrongs.append(f"{self.name}: {kind} {n} is {row!s:.120}")
            self.jobs[row["id"]] = (kind, n)

    def finish(self):
        """Once nothing is killed any more."""
        self.client.kill()
        self.hear()
        for attach in (False, True):
            self.call(attach)
            if not self.hear():
                self.wrongs.append(f"{self.name}: it is not told to its end{', attached' * attach}")
        self.close()
