"""Several processes of the service behind nginx, people who decide through it, and what must be true afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import loopback
from sqlalchemy import select

from goodsight.store import Store
from goodsight.store.tables import queue

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
EXAMPLE = Path(__file__).parents[1] / "examples" / "nginx.conf"
_AGAIN = {0, 409, 429, 499, 502, 503, 504, 507}
"""What a reviewer's page asks again after: nobody answered, somebody else was first, or it is busy."""


@contextmanager
def nginx(ports: Sequence[int], folder: Path) -> Iterator[int]:
    """The example's load balancer before some ports of loopback, in a folder of its own; the port it listens on."""
    assert NGINX
    port = loopback.free_port()
    servers = "".join(f"        server 127.0.0.1:{one} max_fails=1 fail_timeout=1s;\n" for one in ports)
    conf = re.sub(r"( +server [\d.]+:8000 .*;\n)+", servers, EXAMPLE.read_text(encoding="utf-8"))
    conf = conf.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    folder.mkdir()
    (folder / "nginx.conf").write_text(conf, encoding="utf-8")
    # As root its workers would become nobody in particular, who may not write to a folder of root's.
    said = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    command = [NGINX, "-p", f"{folder}/", "-c", str(folder / "nginx.conf"), "-g", said]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def ask(port: int, method: str, path: str, token: str = "", body: Any = None) -> tuple[int, Any]:
    """The status and the JSON of an answer; status 0 where none came."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else text
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


@dataclass
class Reviewer:
    """A person who decides what comes, until there is nothing left or enough has been decided.

    Attributes:
        port: of the load balancer.
        token: of the person, whose name is ``name``.
        name: as the store has it.
        most: decisions of this person.
        taken: ids of the checks whose decisions were acknowledged.
        statuses: of all answers.
        until: when it is set and nothing is left, they stop.

    """

    port: int
    token: str
    name: str
    most: int
    taken: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    until: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while len(self.taken) < self.most:
            status, said = self._ask("/v1/reviews/next")
            if status != 200:
                time.sleep(0.2)
                continue
            if said["review"] is None:
                if self.until.is_set():
                    return
                time.sleep(0.1)
                continue
            id, decision = said["review"]["id"], said["review"]["class"]
            status, _ = self._ask(f"/v1/reviews/{id}", {"decision": decision})
            if status == 200:
                self.taken.append(id)
            elif status not in _AGAIN:
                raise AssertionError(f"a decision was answered with {status}")

    def _ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        status, said = ask(self.port, "POST", path, self.token, body)
        self.statuses[status] += 1
        return status, said


@dataclass(frozen=True)
class Outcome:
    """What is wrong in the store, all of it 0 when nothing is."""

    lost_answers: int
    lost_photos: int
    lost_decisions: int
    decided_twice: int

    @property
    def well(self) -> bool:
        """Nothing is."""
        return not any(vars(self).values())


def outcome(store: Store, answered: Sequence[str], reviewers: Sequence[Reviewer]) -> Outcome:
    """Compare what clients were told with what is in the store."""
    found = [store.answers(id) for id in answered]
    kept: dict[str, bool] = {}
    for checked in (one[0] for one in found if one):
        if checked.sha256 not in kept:
            kept[checked.sha256] = store.photo(checked.sha256) is not None
    stand = Counter((one.checked.id, one.reviewer) for one in store.queue.decisions())
    opinions = Counter(id for id, _ in stand.elements())
    told = {(id, reviewer.name) for reviewer in reviewers for id in reviewer.taken}
    with store._engine.connect() as connection:
        places = connection.execute(select(queue)).all()
    return Outcome(
        lost_answers=sum(not one for one in found),
        lost_photos=sum(not there for there in kept.values()),
        lost_decisions=len(told - set(stand)),
        decided_twice=sum(count > 1 for count in stand.values())
        + sum(place.given > place.wanted or opinions[place.check_id] != place.given for place in places),
    )
