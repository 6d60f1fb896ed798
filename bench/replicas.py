"""Two processes behind nginx over one PostgreSQL and shared photos, hurt in turn: what clients were told must hold.

Processes are killed while checks are answered and four people decide; the database is away for 20 seconds; a disk is
full. Needs Debian's nginx and postgresql, and root for the full disk, which is a small file system in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import drawn
import fleet
import loopback
from common import Figure, tell

import goodsight
from goodsight import Wishes
from goodsight.serve.access import new_token
from goodsight.store import Store

NAMES = ("ann", "bob", "cid", "dee")
AWAY = 20.0
_AT_ONCE = 160
ROOT = Path(__file__).parents[1]


class Database:
    """A PostgreSQL server that can be stopped and started again on its port."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self._folder = folder / "server"
        done = subprocess.run([ROOT / ".ci" / "postgres", "start", self._folder], capture_output=True, check=True)
        self.url = done.stdout.decode().strip()

    def stop(self) -> None:
        """As for an upgrade: connections are cut."""
        subprocess.run([ROOT / ".ci" / "postgres", "stop", self._folder], check=True)

    def start(self) -> None:
        """On the same port, with the options that it had."""
        control = str(sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))[-1])
        command = [control, "--pgdata", f"{self._folder}/data", "--log", f"{self._folder}/log", "--wait", "restart"]
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Machine:
    """One process of the service, on a port that stays."""

    def __init__(self, model: Path, data: Path, options: Sequence[str]) -> None:
        self.port = loopback.free_port()
        self._arguments = model, data, options
        self._stack = ExitStack()

    def start(self) -> None:
        """Until it answers."""
        model, data, options = self._arguments
        made = loopback.service(model, data, *options, log=data.with_suffix(".log"), port=self.port)
        self._running = self._stack.enter_context(made)

    def kill(self) -> None:
        """-9."""
        self._running.process.kill()
        self.stop()

    def stop(self) -> None:
        """As a person would."""
        self._stack.close()


class Checks(threading.Thread):
    """Sends checks until there are enough answers, or until told; every so many are contested."""

    def __init__(self, port: int, requests: Sequence[bytes], root: str, every: int) -> None:
        super().__init__(daemon=True)
        self._port, self._requests, self._root, self._every = port, requests, root, every
        self.answered: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.ended = threading.Event()

    def run(self) -> None:
        """Send, and contest some of the answers."""
        start = 0
        while not self.ended.is_set():
            some = self._requests[start : start + _AT_ONCE]
            start = (start + _AT_ONCE) % len(self._requests)
            made = loopback.load(self._port, some, 1.0, connections=16, keep_bodies=True)
            self.statuses += made.statuses
            new = [json.loads(body)["id"] for body in made.bodies]
            self.answered += new
            for id in new[:: self._every]:
                fleet.ask(self._port, "POST", "/v1/appeals", self._root, {"id": id})


def main() -> bool:
    """Hurt it, and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="not used; make bench gives it to every bench")
    parser.add_argument("--checks", type=int, default=10_000)
    parser.add_argument("--reviews", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.make_folder(folder / "photos", per_kind=40, faults=0)
        goodsight.train(folder / "photos", folder / "model", wishes=Wishes(budget=0))
        photos = [path.read_bytes() for path in sorted((folder / "photos").rglob("*.jpg"))]
        database = Database(folder)
        try:
            figures = _replicas(folder, photos, database, asked.checks, asked.reviews)
        finally:
            database.stop()
        figures += _full(folder, photos)
    return tell("replicas", figures)


def _replicas(folder: Path, photos: list[bytes], database: Database, checks: int, reviews: int) -> list[Figure]:
    tokens = {name: new_token(name, "admin" if name == "root" else "review") for name in ("root", *NAMES)}
    # Without a limit that this load would reach.
    lines = "\n".join(lines.replace("6000", "1000000") for _, lines in tokens.values())
    (folder / "tokens.toml").write_text(lines, encoding="utf-8")
    kept = folder / "kept"
    options = ["--store", database.url, "--kept", str(kept), "--tokens", str(folder / "tokens.toml")]
    machines = [Machine(folder / "model", folder / f"data{n}", options) for n in range(2)]
    # A byte more at its end makes another photo of each, which must be kept.
    more = [photo + bytes([n]) for n in range(max(1, checks // len(photos))) for photo in photos]
    requests = [loopback.check_request(photo, "bag", token=tokens["ann"][0]) for photo in more]
    with ExitStack() as stack:
        for machine in machines:
            machine.start()
            stack.callback(machine.stop)
        port = stack.enter_context(fleet.nginx([machine.port for machine in machines], folder / "nginx"))
        people = [fleet.Reviewer(port, tokens[name][0], name, 10**9) for name in NAMES]
        sender = Checks(port, requests, tokens["root"][0], max(1, checks // reviews // 2))
        sender.start()
        for person in people:
            person.start()
        kills = 0
        while len(sender.answered) < checks or sum(len(one.taken) for one in people) < reviews:
            time.sleep(5)
            machines[kills % 2].kill()
            kills += 1
            time.sleep(2)
            machines[(kills - 1) % 2].start()
        killed = Counter(sender.statuses)
        database.stop()
        time.sleep(AWAY)
        away = sender.statuses - killed
        before = len(sender.answered)
        database.start()
        back = time.monotonic()
        while len(sender.answered) == before and time.monotonic() < back + 60:
            time.sleep(0.1)
        seconds = time.monotonic() - back
        time.sleep(5)
        sender.ended.set()
        for person in people:
            person.until.set()
        sender.join()
        for person in people:
            person.join(60)
        store = Store.open(database.url, folder / "looking", str(kept))
        found = fleet.outcome(store, sender.answered, people)
        store.close()
    decisions = sum(len(one.taken) for one in people)
    n = f"{len(sender.answered)} answers, {decisions} decisions by four, {kills} kills, {AWAY:g} s without database"
    others = sum(count for status, count in killed.items() if status not in (200, 502, 503, 504))
    unclear = sum(count for status, count in away.items() if status not in (200, 503))
    print(f"statuses with kills: {dict(killed)}; without database: {dict(away)}")
    return [
        Figure("answers given and not in the store", found.lost_answers, "= 0", found.lost_answers == 0, n),
        Figure("  answers whose photo is not kept", found.lost_photos, "= 0", found.lost_photos == 0, n),
        Figure("decisions that were acknowledged and are not there", found.lost_decisions, "= 0", found.well, n),
        Figure("  reviews decided twice", found.decided_twice, "= 0", found.decided_twice == 0, n),
        Figure("with kills: neither 200 nor 502, 503, 504", others, "= 0", others == 0, n),
        Figure("without database: neither 200 nor 503", unclear, "= 0", unclear == 0 and away[503] > 0, n),
        Figure("  seconds from its return to the next answer", seconds, "< 10", seconds < 10, n),
    ]


@contextmanager
def _small(folder: Path, size: str) -> Iterator[Path]:
    """A file system of so many bytes."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _full(folder: Path, photos: list[bytes]) -> list[Figure]:
    """A service whose disk is filled up by somebody else, who then makes room again."""
    others = [[loopback.check_request(photo + bytes([n]), "bag") for photo in photos] for n in range(3)]
    with (
        _small(folder / "small", "40m") as disk,
        loopback.service(folder / "model", disk / "data", log=folder / "full.log") as running,
    ):
        before = loopback.load(running.port, others[0], 3, connections=8, keep_bodies=True)
        with (disk / "somebody").open("wb", buffering=0) as stream, suppress(OSError):
            while True:
                stream.write(bytes(4096))
        full = loopback.load(running.port, others[1], 5, connections=8, keep_bodies=True)
        (disk / "somebody").unlink()
        after = loopback.load(running.port, others[2], 3, connections=8, keep_bodies=True)
        store = Store.open("", disk / "data")
        answered = [json.loads(body)["id"] for made in (before, full, after) for body in made.bodies]
        lost = sum(not store.answers(id) for id in answered)
        store.close()
    n = f"n={len(answered)} answers, {full.statuses[507]} refusals"
    unclear = sum(count for status, count in full.statuses.items() if status not in (200, 503, 507))
    well = after.statuses[200] / sum(after.statuses.values())
    return [
        Figure("disk full: neither 200 nor 503 nor 507", unclear, "= 0", unclear == 0 and full.statuses[507] > 0, n),
        Figure("  answers given and not in the store", lost, "= 0", lost == 0, n),
        Figure("  with room again: share answered", well, "= 1", well == 1, n),
    ]


if __name__ == "__main__":
    raise SystemExit(not main())
