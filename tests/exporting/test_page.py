"""The exported page, in Chromium: pixels as Python has them, verdicts as Python says them, and the whole of it offline.

The last needs the npm package onnxruntime-web: ``GOODSIGHT_TEST_ONNXRUNTIME_WEB`` names its .tgz; ``.ci/run`` has it.
"""

import base64
import io
import os
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import KINDS, draw
from PIL import Image
from playwright.sync_api import Browser, Page

import goodsight
from goodsight.arrays import Pixels
from goodsight.backbones.backbone import Backbone, Block
from goodsight.backbones.engine import run, start
from goodsight.catalog.rows import Attribute, Row
from goodsight.embedding.twins import Fingerprints
from goodsight.exporting import contract, web
from goodsight.heads import offtopic
from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler
from goodsight.model import verdicts
from goodsight.model.record import Judge, LoadedModel, Model
from goodsight.photos import decoder
from goodsight.photos.resize import Resize

pytest_plugins = ["browsing"]

RUNTIME = os.environ.get("GOODSIGHT_TEST_ONNXRUNTIME_WEB", "")
SCRIPTS = Path(web.__file__).parent / "page"
PHONE = {"width": 390, "height": 800}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page as wide as a phone's; after the test no script has failed."""
    made = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    made.set_default_timeout(60_000)
    failed: list[str] = []
    made.on("pageerror", lambda error: failed.append(str(error)))
    made.on("console", lambda said: failed.append(said.text) if said.type == "error" else None)
    yield made
    made.close()
    assert failed == []


# ---- pixels


def _file(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def _textured(width: int, height: int) -> Image.Image:
    """Every detail from coarse to fine, in colour."""
    rng = np.random.default_rng(width)
    layers = [rng.integers(0, 256, (max(2, height // step), max(2, width // step), 3)) for step in (4, 16, 64)]
    pictures = [Image.fromarray(layer.astype(np.uint8)).resize((width, height)) for layer in layers]
    return Image.blend(Image.blend(pictures[0], pictures[1], 0.5), pictures[2], 0.5)


def _pixels(page: Page, data: bytes, resize: Resize) -> Pixels:
    found = page.evaluate(
        """async ([data, resize]) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            return Array.from(await Pixels.ofFile(new Blob([bytes]), resize));
        }""",
        [base64.b64encode(data).decode(), resize.to_json()],
    )
    return np.array(found, np.uint8).reshape(resize.size, resize.size, 3)


@pytest.mark.parametrize("size", [(300, 200), (200, 301), (40, 57), (64, 64), (1100, 700)], ids=str)
@pytest.mark.parametrize("fit", ["pad", "squash"])
def test_a_picture_becomes_the_same_pixels(size: tuple[int, int], fit: str, page: Page) -> None:
    page.add_script_tag(path=SCRIPTS / "pixels.js")
    data, resize = _file(_textured(*size)), Resize(64, fit)
    assert (_pixels(page, data, resize) == decoder.decode(data, resize)).all()


def test_halves_are_rounded_to_even_sides(page: Page) -> None:
    page.add_script_tag(path=SCRIPTS / "pixels.js")
    for width in (5, 15, 25):
        data, resize = _file(_textured(width, 320)), Resize(32)
        # Pillow may resample tall pictures down before across, which rounds otherwise.
        assert np.abs(_pixels(page, data, resize).astype(int) - decoder.decode(data, resize)).max() <= 1


def test_transparency_lies_on_white(page: Page) -> None:
    page.add_script_tag(path=SCRIPTS / "pixels.js")
    picture = _textured(90, 70)
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    data, resize = _file(picture), Resize(64)
    assert np.abs(_pixels(page, data, resize).astype(int) - decoder.decode(data, resize)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(160, 112), (2000, 1424)], ids=["small", "reduced"])
def test_a_jpeg_is_turned_and_reduced_alike(size: tuple[int, int], orientation: int, page: Page) -> None:
    page.add_script_tag(path=SCRIPTS / "pixels.js")
    exif = Image.Exif()
    exif[274] = orientation
    data, resize = _file(_textured(*size), "JPEG", quality=90, exif=exif), Resize(96)
    off = np.abs(_pixels(page, data, resize).astype(int) - decoder.decode(data, resize))
    assert off.mean() < 0.5
    assert off.max() <= 6


# ---- verdicts


@pytest.fixture
def made_up() -> Model:
    """Two attributes, a tag and a class that is never sure, over embeddings of random numbers."""
    rng = np.random.default_rng(0)
    widths = {"colour": 3, "type": 4, "worn": 2}
    blocks = (*(Block(name, width, 1.0) for name, width in widths.items()), Block("features", 6, 1.0))
    backbone = Backbone("made up", Path("nowhere"), "", Resize(16), blocks)
    judges = []
    for (name, width), threshold in zip(widths.items(), (0.7, float("inf"), 0.8), strict=True):
        own = backbone.columns(name)
        assert own
        classes = ("no", "yes") if name == "worn" else tuple(f"{name} {i}" for i in range(width))
        known = tuple(np.sort(rng.normal(size=9)).astype(np.float32) * 2 for _ in classes)
        head = Network.of(Scaler.none(backbone.width), own)
        tag = Attribute(name, tag=name == "worn")
        judges.append(Judge(tag, classes, head, 0.5, known, threshold, cut=0.3))
    features = backbone.columns("features")
    assert features
    scorer, scores = offtopic.fit(rng.normal(size=(50, 15)).astype(np.float32), np.arange(50), features)
    nothing = Fingerprints((), np.zeros((0, 256), np.uint8), np.zeros((0, 1), np.float32))
    pairs = frozenset((f"colour {i}", f"type {j}") for i in range(3) for j in range(3))
    on_topic = np.sort(scores).astype(np.float32)
    scaler = Scaler.none(backbone.width)
    return Model(tuple(judges), backbone, scaler, scorer, on_topic, 0.15, 0.3, 0.9, nothing, combinations=pairs)


def _outputs(model: Model, vectors: Any) -> list[dict[str, list[float]]]:
    found: dict[str, Any] = {contract.ON_TOPIC: model.on_topic_p(vectors)[:, None]}
    for judge in model.judges:
        found[contract.output("probabilities", judge)] = probabilities = judge.probabilities(vectors)
        found[contract.output("p_values", judge)] = judge.p_values(probabilities)
    return [{name: rows[i].tolist() for name, rows in found.items()} for i in range(len(vectors))]


@pytest.mark.parametrize("attributes", [1, 3])
def test_verdicts_are_those_of_python(attributes: int, made_up: Model, page: Page) -> None:
    judges = made_up.judges[:attributes]
    model = Model(**vars(made_up) | {"judges": judges, "combinations": made_up.combinations if attributes > 1 else ()})
    vectors = np.random.default_rng(1).normal(size=(300, 15)).astype(np.float16)
    page.add_script_tag(path=SCRIPTS / "verdicts.js")
    said = contract.record(model)
    declared = "colour 0"
    found = page.evaluate(
        """([model, rows, declared]) => rows.map((row) => {
            const found = Verdicts.ofPhoto(model, (name) => row[name]);
            return [found.verdict, found.answers.map(({ label, verdict, reason }) => [label, verdict, reason]),
                Verdicts.compare(model, found.answers[0], declared)];
        })""",
        [said, _outputs(model, vectors), declared],
    )
    predictions = verdicts.answers(model, [Row("", Path())] * 300, vectors)
    checks = [verdicts.compare(model, judges[0], each.answers[0], declared) for each in predictions]
    expected = [
        [
            each.verdict,
            [[a.label, a.verdict, a.reason] for a in each.answers],
            {"verdict": check.verdict, "reason": check.reason},
        ]
        for each, check in zip(predictions, checks, strict=True)
    ]
    assert found == expected
    assert {each.verdict for each in predictions} >= {"off-topic", "unsure"}
    assert {check.verdict for check in checks} == {"match", "mismatch", "off-topic", "unsure"}


# ---- the whole page


@pytest.fixture(scope="module")
def exported(loaded: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not RUNTIME:
        pytest.skip("GOODSIGHT_TEST_ONNXRUNTIME_WEB names no .tgz of onnxruntime-web; .ci/run fetches it with npm")
    out = tmp_path_factory.mktemp("web") / "page"
    return goodsight.export(loaded.folder, out, to="web", runtime=RUNTIME).path


@pytest.fixture
def ready(exported: Path, page: Page) -> Page:
    """Opened from the disk, without a network."""
    page.context.set_offline(True)
    page.goto(f"{exported.as_uri()}/index.html")
    page.locator("#status", has_text=re.compile("^Ready|cannot run")).wait_for()
    assert page.text_content("#status") == "Ready."
    return page


def _cards(page: Page, count: int) -> list[dict[str, str]]:
    """The answers, in the order of the photos."""
    page.locator("#answers > li").nth(count - 1).wait_for()
    found: list[dict[str, str]] = page.eval_on_selector_all(
        "#answers > li", "(cards) => cards.map((card) => ({...card.dataset, ...card.querySelector('.answer').dataset}))"
    )
    return found[::-1]


def test_fifty_photos_are_answered_as_by_python(loaded: LoadedModel, ready: Page, tmp_path: Path) -> None:
    rng, paths = np.random.default_rng(11), []
    for number in range(50):
        paths.append(tmp_path / f"{number:02}.{('jpg', 'png')[number % 2]}")
        draw(KINDS[number % len(KINDS)], rng).save(paths[-1])
    ready.set_input_files("#files", paths)
    cards = _cards(ready, 50)
    model = loaded.model
    engine = start(model.backbone.network, engine="onnxruntime")
    pixels = np.stack([decoder.decode(path.read_bytes(), model.backbone.resize) for path in paths])
    answers = verdicts.answers(model, [Row(p.name, p) for p in paths], run(engine, pixels).astype(np.float16))
    engine.close()
    assert [card["label"] for card in cards] == [answer.label for answer in answers]
    off = [abs(float(card["probability"]) - each.probability) for card, each in zip(cards, answers, strict=True)]
    assert max(off) < 0.02
    # One of the thresholds may lie just where a photo does.
    assert sum(card["verdict"] != answer.verdict for card, answer in zip(cards, answers, strict=True)) <= 1


def test_nothing_is_fetched_and_nothing_can_be_sent(exported: Path, browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{exported.as_uri()}/index.html")
    page.locator("#status", has_text="Ready").wait_for(timeout=60_000)
    files = {f"{exported.as_uri()}/{name}" for name in (*web.PAGE, "model.js", "runtime.js")}
    assert {url for url in asked if not url.startswith(("blob:", "data:"))} == files
    refused = page.evaluate(
        """() => new Promise((tell) => {
            addEventListener("securitypolicyviolation", (event) => tell(event.violatedDirective));
            fetch("https://example.org/", { method: "POST" }).catch(() => {});
        })"""
    )
    page.close()
    assert refused == "connect-src"


@pytest.fixture
def served(exported: Path) -> Iterator[str]:
    """The address of the folder on a web server that knows nothing of it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(exported))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_any_web_server_will_do_and_after_loading_no_network_is_needed(
    served: str, page: Page, sound: dict[str, list[Path]]
) -> None:
    page.goto(served)
    page.locator("#status", has_text="Ready").wait_for()
    page.context.set_offline(True)
    page.set_input_files("#files", [sound["mug"][0]])
    assert [card["label"] for card in _cards(page, 1)] == ["mug"]


def test_a_declared_class_is_checked(loaded: LoadedModel, ready: Page, sound: dict[str, list[Path]]) -> None:
    ready.select_option("#declared select", "mug")
    ready.set_input_files("#files", [sound["mug"][0], sound["shoe"][0]])
    assert [card["verdict"] for card in _cards(ready, 2)] == ["match", "mismatch"]


def test_what_is_no_picture_is_said_and_the_next_one_answered(ready: Page, sound: dict[str, list[Path]]) -> None:
    files: list[Any] = [{"name": "no.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}]
    ready.set_input_files("#files", files)
    ready.set_input_files("#files", [sound["bag"][0]])
    bad, good = _cards(ready, 2)
    assert bad["verdict"] == "bad"
    assert "This browser cannot read this photo" in (ready.text_content("#answers > li:last-child") or "")
    assert good["label"] == "bag"


def test_a_picture_can_be_pasted_and_the_camera_is_asked_for(ready: Page) -> None:
    assert ready.get_attribute("#camera", "capture") == "environment"
    ready.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(80, 60);
            canvas.getContext("2d").fillRect(10, 10, 40, 30);
            const clipboard = new DataTransfer();
            clipboard.items.add(new File([await canvas.convertToBlob()], "pasted.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clipboard }));
        }"""
    )
    assert len(_cards(ready, 1)) == 1
    assert ready.text_content("#answers .name") == "pasted.png"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(scheme: Any, ready: Page, sound: dict[str, list[Path]]) -> None:
    ready.emulate_media(color_scheme=scheme)
    ready.set_input_files("#files", [sound["lamp"][0]])
    _cards(ready, 1)
    assert ready.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    colours = ready.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    page, text = (sum(map(int, re.findall(r"\d+", colour))) for colour in colours)
    assert (page > text) == (scheme == "light")
