"""Pictures with the answer drawn on them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import count
from pathlib import Path, PurePosixPath

from PIL import Image, ImageDraw, ImageFont

from goodsight.errors import GoodsightError
from goodsight.files import LONGEST, shortened, whole_file
from goodsight.model import evidence
from goodsight.model.record import LoadedModel
from goodsight.model.verdicts import Answer, Prediction
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto

_MARK = ".goodsight-annotated"


_JPEG = {".jpg", ".jpeg"}
_OTHERS = {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".png", ".tif", ".tiff", ".webp"}
"""What other photos' names end with."""


Panel = tuple[Image.Image, tuple[Answer, ...]]
"""A picture, and the answers that its caption says."""


class Annotated:
    """Copies of the photos with the label and its probability drawn on them, in the folders they came from."""

    def __init__(self, folder: Path, loaded: LoadedModel, *, explain: bool = False) -> None:
        """Claim the folder.

        Args:
            folder: for the pictures.
            loaded: whose predictions will come.
            explain: draw where the answers come from as well.

        Raises:
            GoodsightError: it holds something that an earlier ``--annotate`` did not make, or the model's network
                does not say where its answers come from.
        """
        shared = loaded.model
        if explain:
            evidence.require(shared.backbone, loaded.engine)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / _MARK).exists():
            raise GoodsightError(
                f"`annotate` {folder}: holds other files, which are never replaced; choose a new folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
        self._folder, self._limits, self._resize = folder, shared.limits, shared.backbone.resize
        self._explained = loaded if explain else None
        self._places: set[str] = set()
        self._rooms: set[str] = set()

    def write(self, prediction: Prediction) -> None:
        """Draw one; a bad photo has no picture."""
        if prediction.problem:
            return
        try:
            data = decoder.read(prediction.row.path, self._limits)
            picture = decoder.open_rgb(data, self._limits, at_least=640)
            picture.thumbnail((1280, 1280))
            panels = self._explain(picture, data, prediction) if self._explained else [(picture, prediction.answers)]
        except BadPhoto:
            # It was read a moment ago for its label; if it is gone now, the table still has its row.
            return
        doubt = f"  ({prediction.verdict})" if prediction.verdict != "sure" else ""
        drawn = []
        for number, (panel, answers) in enumerate(panels):
            if prediction.place:
                box = self._resize.in_pixels(prediction.place, *panel.size)
                panel = evidence.draw_box(panel, box, prediction.label)
            said = ",  ".join(f"{a.given}  {a.probability:.0%}" for a in answers if a.given) or "no tag"
            drawn.append(annotate(panel, said + (doubt if number == 0 else "")))
        with whole_file(self._folder / self._place(prediction.row.file_name)) as part:
            _beside(drawn).save(part, "JPEG", quality=90)

    def _explain(self, picture: Image.Image, data: bytes, prediction: Prediction) -> list[Panel]:
        """A picture for each attribute, with where its answer comes from; tags that are given share the last one."""
        assert self._explained is not None
        engine = self._explained.engine
        panels: list[Panel] = []
        pairs = list(zip(self._explained.model.judges, prediction.answers, strict=True))
        rule = self._explained.model.backbone
        for judge, answer in pairs:
            if not answer.attribute.tag:
                number, none = judge.classes.index(answer.label), judge.none_number
                panel = evidence.explain(picture, data, rule, engine, judge.head, number, self._limits, none)
                panels.append((panel, (answer,)))
        tags = tuple(answer for _, answer in pairs if answer.attribute.tag)
        return [*panels, (picture, tags)] if tags else panels

    def _place(self, file_name: str) -> Path:
        """Where a photo's picture goes in the folder: where no other picture is, nor one in place of a folder."""
        # A list may name photos outside its folder; the pictures stay inside theirs all the same.
        parts = [part for part in PurePosixPath(file_name).parts if part not in {"/", ".."}]
        *rooms, name = parts or ["photo"]
        while any(_key(Path(*rooms[:number])) in self._places for number in range(1, len(rooms) + 1)):
            rooms = [f"{room}_" for room in rooms]
        stem, ending = _stem_and_ending(name)
        for number in count(1):
            more = f"-{number}" * (number > 1) + ending
            place = Path(*rooms, shortened(stem, LONGEST - len(more)) + more)
            if _key(place) not in self._places and _key(place) not in self._rooms:
                break
        self._places.add(_key(place))
        self._rooms.update(map(_key, place.parents))
        return place


def _key(path: Path) -> str:
    """The same for names that are one file on some systems."""
    return unicodedata.normalize("NFC", path.as_posix()).casefold()


def _stem_and_ending(name: str) -> tuple[str, str]:
    """Of the picture of ``a.jpg`` these are ``a`` and ``.jpg``; of that of ``a.png``, ``a.png`` and ``.jpg``.

    So that this one is not taken for the picture of ``a.png.jpg``, that has ``a.png.jpg`` and ``.jpg``.
    """
    path = bare = PurePosixPath(name)
    while bare.suffix.lower() in _JPEG:
        bare = bare.with_suffix("")
    own = bare != path and bare.suffix.lower() not in _OTHERS
    return (path.stem, path.suffix) if own else (name, ".jpg")


def annotate(picture: Image.Image, caption: str) -> Image.Image:
    """The picture with a bar below it that holds the caption; a small picture is enlarged so that the words fit."""
    if picture.width < 240:
        picture = picture.resize((240, round(picture.height * 240 / picture.width)))
    size = max(14, picture.width // 24)
    font = ImageFont.load_default(size)
    while size > 9 and font.getlength(caption) > picture.width - size:
        size -= 1
        font = ImageFont.load_default(size)
    out = Image.new("RGB", (picture.width, picture.height + 2 * size), "#111827")
    out.paste(picture)
    ImageDraw.Draw(out).text((size // 2, picture.height + size), caption, "white", font, anchor="lm")
    return out


def _beside(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one size in a row."""
    out = Image.new("RGB", (sum(p.width for p in pictures), max(p.height for p in pictures)), "#111827")
    left = 0
    for picture in pictures:
        out.paste(picture, (left, 0))
        left += picture.width
    return out
