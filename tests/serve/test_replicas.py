"""Two processes behind nginx over one PostgreSQL and one folder of photos: what one keeps, both know. One is killed."""

import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import fleet
import loopback
import pytest

from goodsight.flow.training import Training
from goodsight.serve.access import new_token
from goodsight.store import Store

NAMES = ("ann", "bob", "cid", "dee")
CHECKS, REVIEWS = 200, 40


@pytest.mark.skipif(fleet.NGINX is None, reason="needs nginx: apt-get install nginx")
def test_the_example_is_a_configuration_that_nginx_takes(tmp_path: Path) -> None:
    assert fleet.NGINX
    tried = subprocess.run([fleet.NGINX, "-t", "-p", tmp_path, "-c", fleet.EXAMPLE], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    made = {name: new_token(name, "admin" if name == "root" else "review") for name in ("root", *NAMES)}
    (tmp_path / "tokens.toml").write_text("\n".join(lines for _, lines in made.values()))
    return {name: token for name, (token, _) in made.items()}


@pytest.fixture
def both(trained: Training, url: str, tokens: dict[str, str], tmp_path: Path) -> Iterator[list[loopback.Running]]:
    """Two processes that start at the same moment on an empty database, each with a data folder of its own."""
    options = ["--store", url, "--kept", str(tmp_path / "photos"), "--tokens", str(tmp_path / "tokens.toml")]
    options += ["--proxy", "127.0.0.1", "--per-address", "2"]  # all connections of nginx have one address
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        made = [loopback.service(trained.folder, tmp_path / f"data{n}", *options) for n in range(2)]
        yield list(threads.map(stack.enter_context, made))


def _logged_in(port: int, token: str) -> urllib.request.OpenerDirector:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    opener.addheaders = [("Origin", f"http://127.0.0.1:{port}")]  # as a browser sends it with a form
    opener.open(f"http://127.0.0.1:{port}/login", urlencode({"token": token}).encode()).close()
    return opener


@pytest.mark.skipif(fleet.NGINX is None, reason="needs nginx: apt-get install nginx")
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_no_answer_is_lost_and_no_review_is_decided_twice(
    both: list[loopback.Running], url: str, tokens: dict[str, str], sound: dict[str, list[Path]], tmp_path: Path
) -> None:
    photos = [path.read_bytes() for kind in sound.values() for path in kind[:8]]
    requests = [loopback.check_request(photo, "bag", token=tokens["ann"]) for photo in photos]
    one, other = (running.port for running in both)

    # What one keeps the other shows and knows again, and what one deletes is gone at both. A session holds at each.
    (first,) = loopback.load(one, requests[:1], 0.01, connections=1, keep_bodies=True).bodies
    seen: list[str] = []
    end = time.monotonic() + 30
    while json.loads(first)["id"] not in seen and time.monotonic() < end:
        time.sleep(0.5)
        (again,) = loopback.load(other, requests[:1], 0.01, connections=1, keep_bodies=True).bodies
        seen = [each["id"] for each in json.loads(again)["seen"]]
    assert json.loads(first)["id"] in seen
    shown = f"/v1/photos/{json.loads(first)['id']}"
    assert fleet.ask(other, "GET", shown, tokens["ann"])[0] == 200
    assert fleet.ask(other, "DELETE", f"/v1/checks/{json.loads(first)['id']}", tokens["root"])[0] == 204
    assert fleet.ask(one, "GET", shown, tokens["ann"])[0] == 404

    with fleet.nginx([one, other], tmp_path / "nginx") as port:
        visitor = _logged_in(port, tokens["bob"])
        for place in (one, other, port):
            with visitor.open(f"http://127.0.0.1:{place}/reviews") as page:
                assert "<h1>Reviews</h1>" in page.read().decode()
        reviewers = [fleet.Reviewer(port, tokens[name], name, 10**6) for name in NAMES]
        for reviewer in reviewers:
            reviewer.start()
        answered: list[str] = []
        killed = threading.Event()
        end = time.monotonic() + 60
        while time.monotonic() < end and (
            len(answered) < CHECKS or sum(len(reviewer.taken) for reviewer in reviewers) < REVIEWS
        ):
            made = loopback.load(port, requests, 0.5, connections=8, keep_bodies=True)
            new = [json.loads(body)["id"] for body in made.bodies]
            assert set(made.statuses) <= {200, 502, 503, 504}
            answered += new
            for id in new[:10]:
                fleet.ask(port, "POST", "/v1/appeals", tokens["root"], {"id": id})
            if len(answered) > CHECKS / 3 and not killed.is_set():
                both[0].process.kill()
                killed.set()
        for reviewer in reviewers:
            reviewer.until.set()
        for reviewer in reviewers:
            reviewer.join(60)
    assert killed.is_set()
    assert len(answered) >= CHECKS
    assert sum(len(reviewer.taken) for reviewer in reviewers) >= REVIEWS
    store = Store.open(url, tmp_path / "looking", str(tmp_path / "photos"))
    found = fleet.outcome(store, answered, reviewers)
    store.close()
    assert found == fleet.Outcome(0, 0, 0, 0)
