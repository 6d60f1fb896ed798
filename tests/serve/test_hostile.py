"""Nothing that a stranger sends brings an error of ours, a crash, a hang, or a file in the wrong place."""

from pathlib import Path

import hostile
import loopback

from goodsight.flow.training import Training


def test_the_service_holds(trained: Training, sound: dict[str, list[Path]], tmp_path: Path) -> None:
    good = loopback.check_request(sound["bag"][0].read_bytes(), "bag")
    with hostile.service(trained.folder, tmp_path / "data", tmp_path / "log") as running:
        seen = hostile.attack(running.port, 60)
        assert hostile.send(running.port, good)[0] == 200
        assert running.process.poll() is None
    status = {name: status for name, (status, _) in seen.items()}
    assert {name: one for name, one in status.items() if one >= 500} == {}
    assert {name: seconds for name, (_, seconds) in seen.items() if seconds > hostile.LIMIT} == {}
    big = ("a gigapixel PNG", "a JPEG that says 65500 x 65500", "a length of 10 GB")
    assert [status[name] for name in big] == [413] * 3
    assert status["an SVG"] == status["a PDF"] == 415
    assert status["a JPEG that is a page"] == 200
    assert status["a head of 1 MB"] == status["5,000 headers"] == 400
    assert status["a path with dots"] == status["a path with coded dots"] == 404
    assert {one for name, one in status.items() if name.startswith(("charset", "a part's charset", "Host:"))} == {400}
    assert status["a target of another host"] == 400
    assert {one for name, one in status.items() if name.startswith("30 MB of JSON")} == {400, 413}
    assert (status["a search"], status["a search of 10 GB"], status["a search of 30 MB of JSON"]) == (200, 413, 415)
    assert (status["a search without a photo"], status["a search in another charset"]) == (422, 400)
    odd = ("an id of", "a note of", "a shape of", "an ad of", "the log after")
    assert {one for name, one in status.items() if name.startswith(odd)} <= {400, 422}
    assert hostile.outside(tmp_path) == {"log"}
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "POST /v1/check 415" in log
    assert "evil" not in log


def test_a_slow_client_is_cut_off(trained: Training, sound: dict[str, list[Path]], tmp_path: Path) -> None:
    request = loopback.check_request(sound["bag"][0].read_bytes(), "bag")
    with hostile.service(trained.folder, tmp_path / "data") as running:
        status, seconds = hostile.send(running.port, request[: request.index(b"\r\n\r\n") + 500])
        assert status == 408
        assert seconds < hostile.BODY_SECONDS + 2
        status, seconds = hostile.send(running.port, request[:100])
        assert status == 0
        assert 8 < seconds < 14
        assert hostile.send(running.port, request)[0] == 200
