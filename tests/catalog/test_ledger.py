"""What people decided is replayed on the rows, whatever the order of the ledgers; a photo is never touched."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goodsight.catalog.labels import Labels
from goodsight.catalog.ledger import COLUMNS, merge, read
from goodsight.catalog.read import read_catalog
from goodsight.catalog.replay import replay
from goodsight.catalog.rows import Catalog, in_words
from goodsight.errors import FolderExistsError, LedgerError
from goodsight.photos.limits import Limits

Write = Callable[..., Path]
NAMES = ("bag/1.jpg", "bag/2.jpg", "bag/3.jpg", "mug/1.jpg", "mug/2.jpg", "mug/3.jpg")


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Files whose content is their name; the ledger never decodes them."""
    for name in NAMES:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "photos"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a ledger of ``(name, decision, label, reason, reviewer, hour)`` rows; later columns may be left out."""

    def to(name: str, *rows: tuple[str, ...], content: str = "") -> Path:
        lines = [",".join(COLUMNS)]
        for row in rows:
            photo, decision, label, reason, reviewer, hour = (*row, *("", "", "", "ann", "10")[len(row) - 1 :])
            sha256 = _sha(content or photo.removeprefix("photos/"))
            lines.append(f"{photo},{sha256},{decision},{label},{reason},{reviewer},2026-01-31T{hour}:00:00Z")
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return to


def _labels(found: Catalog) -> dict[str, str]:
    return {row.file_name: row.labels[0] for row in found.rows}


def test_photos_are_dropped_relabelled_and_kept(photos: Path, write: Write) -> None:
    before = read_catalog(photos)
    ledger = write(
        "a.csv", ("bag/1.jpg", "drop", "", "a cat"), ("bag/2.jpg", "Relabel", "mug"), ("mug/1.jpg", "keep", "ignored")
    )
    found = replay(before, [ledger])
    expected = _labels(before) | {"bag/2.jpg": "mug"}
    del expected["bag/1.jpg"]
    assert _labels(found.catalog) == expected
    assert found.catalog.left_out == (("bag/1.jpg", "dropped by the ledger: a cat"),)
    assert (found.kept, found.relabelled) == (("mug/1.jpg",), {"bag/2.jpg": ("bag",)})
    assert found.to_json() == {
        "files": [str(ledger)],
        "kept": 1,
        "dropped": 1,
        "relabelled": 1,
        "without_a_photo": [],
        "disputed": [],
    }
    assert {path.read_text() for path in photos.rglob("*.jpg")} == set(NAMES)


def test_a_second_replay_changes_nothing(photos: Path, write: Write) -> None:
    ledger = write("a.csv", ("bag/1.jpg", "drop"), ("bag/2.jpg", "relabel", "mug"))
    before = read_catalog(photos)
    once = replay(before, [ledger]).catalog
    again = replay(once, [ledger])
    assert again.catalog == once
    assert again.absent == (("bag/1.jpg", f"{ledger}: line 2: no such photo"),)
    assert replay(before, [ledger, ledger]).catalog == once


def test_an_empty_ledger_changes_nothing(photos: Path, write: Write) -> None:
    before = read_catalog(photos)
    assert replay(before, [write("a.csv")]).catalog == before
    assert replay(before, []).catalog == before


def test_the_newest_row_counts_in_any_order(photos: Path, write: Write) -> None:
    before = read_catalog(photos)
    old = write("old.csv", ("bag/1.jpg", "drop", "", "", "ann", "09"), ("bag/2.jpg", "drop", "", "", "ann", "09"))
    new = write("new.csv", ("bag/1.jpg", "keep", "", "", "bob", "11"))
    for order in ([old, new], [new, old]):
        found = replay(before, order)
        assert [row.file_name for row in found.dropped] == ["bag/2.jpg"]
        assert found.disputed == (("bag/1.jpg", "ann: drop, bob: keep; the newest counts"),)
    mixed = write("b.csv", ("bag/1.jpg", "keep", "", "", "ann", "12"), ("bag/1.jpg", "drop", "", "", "ann", "11"))
    found = replay(before, [mixed])
    assert (found.kept, found.dropped, found.disputed) == (("bag/1.jpg",), (), ())


def test_of_equal_times_the_ledger_given_later_wins(photos: Path, write: Write) -> None:
    before = read_catalog(photos)
    one, two = write("1.csv", ("bag/1.jpg", "drop")), write("2.csv", ("bag/1.jpg", "relabel", "mug"))
    assert _labels(replay(before, [one, two]).catalog)["bag/1.jpg"] == "mug"
    assert "bag/1.jpg" not in _labels(replay(before, [two, one]).catalog)


def test_times_are_compared_as_times(photos: Path, write: Write) -> None:
    ledger = write("a.csv", ("bag/1.jpg", "drop"), ("bag/1.jpg", "keep"))
    text = ledger.read_text().replace("10:00:00Z", "10:00:00.000Z", 1)
    head, first, second = text.splitlines()
    ledger.write_text("\n".join([head, second.replace("10:00:00Z", "12:30:00+02:00"), first]))
    assert replay(read_catalog(photos), [ledger]).kept == ("bag/1.jpg",)


def test_a_changed_photo_is_refused_and_five_are_named(photos: Path, write: Write) -> None:
    ledger = write("a.csv", *((name, "drop") for name in NAMES))
    for name in NAMES:
        (photos / name).write_text("other")
    with pytest.raises(LedgerError) as caught:
        replay(read_catalog(photos), [ledger])
    said = str(caught.value)
    assert said.startswith(f"6 photos were changed since the ledger was written ({ledger}: line 2: bag/1.jpg; ")
    assert said.endswith("mug/2.jpg; and 1 more); audit them again, or delete these rows")
    newer = write("b.csv", *((name, "keep", "", "", "ann", "11") for name in NAMES), content="other")
    assert replay(read_catalog(photos), [newer, ledger]).kept == NAMES
    older = write("c.csv", *((name, "keep", "", "", "ann", "09") for name in NAMES), content="other")
    with pytest.raises(LedgerError, match="6 photos were changed"):
        replay(read_catalog(photos), [older, ledger])


def test_rows_without_a_photo_are_named(photos: Path, write: Write) -> None:
    ledger = write("a.csv", ("bag/9.jpg", "drop"), ("bag/1.jpg", "drop"), ("mug/1.jpg", "relabel", "bag"))
    found = replay(read_catalog(photos), [ledger], limits=Limits(max_bytes=2))
    reasons = dict(found.absent)
    assert reasons["bag/9.jpg"] == f"{ledger}: line 2: no such photo"
    assert reasons["bag/1.jpg"].startswith("too large")
    assert len(found.catalog.rows) == len(NAMES)


def test_only_named_photos_are_read(photos: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def digest(path: Path, _: Limits) -> str:
        seen.append(path.name)
        return _sha(path.read_text())

    monkeypatch.setattr("goodsight.catalog.replay.decoder.digest", digest)
    replay(read_catalog(photos), [write("a.csv", ("mug/3.jpg", "drop"), ("mug/3.jpg", "keep"))])
    assert seen == ["3.jpg"]


def test_names_match_with_and_without_the_source(photos: Path, write: Write, tmp_path: Path) -> None:
    more = tmp_path / "more" / "bag"
    more.mkdir(parents=True)
    (more / "1.jpg").write_text("another bag")
    both = read_catalog(photos, tmp_path / "more")
    for name in ("bag/1.jpg", "photos/bag/1.jpg"):
        found = replay(both, [write("a.csv", (name, "drop"))])
        assert [row.file_name for row in found.dropped] == ["photos/bag/1.jpg"]
    found = replay(read_catalog(photos), [write("a.csv", ("photos/bag/1.jpg", "drop"))])
    assert [row.file_name for row in found.dropped] == ["bag/1.jpg"]
    with pytest.raises(LedgerError, match="1 photos were changed"):
        replay(both, [write("a.csv", ("bag/1.jpg", "drop"), content="neither")])


def test_a_new_class_needs_two_photos(photos: Path, write: Write) -> None:
    before = read_catalog(photos)
    slip = write("a.csv", ("bag/1.jpg", "relabel", "mugg"))
    with pytest.raises(
        LedgerError,
        match=r"a.csv: line 2: relabels bag/1.jpg to 'mugg', which is none of the labels \(bag, mug\). "
        r"Did you mean 'mug'\? A new class needs two photos",
    ):
        replay(before, [slip])
    assert replay(before, [slip], classes={"label": ["mugg"]}).catalog.classes(0) == ("bag", "mug", "mugg")
    two = write("a.csv", ("bag/1.jpg", "relabel", "purse"), ("bag/2.jpg", "relabel", "purse"))
    assert replay(before, [two]).catalog.classes(0) == ("bag", "mug", "purse")


def test_dropping_every_photo_is_an_error(photos: Path, write: Write) -> None:
    with pytest.raises(LedgerError, match=r"a.csv: drops every photo of .*photos"):
        replay(read_catalog(photos), [write("a.csv", *((name, "drop") for name in NAMES))])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("drop", "dorp", r"line 2: the decision 'dorp' is not one of keep, drop, relabel. Did you mean 'drop'\?"),
        ("drop,", "relabel,", "line 2: relabels to nothing; write the new label"),
        ("bag/1.jpg", "", "line 2: the file_name is empty"),
        (_sha("bag/1.jpg"), "12ab", "line 2: the sha256 '12ab' is not 64 hexadecimal digits"),
        ("2026-01-31T", "31.1.2026 ", "line 2: the time '31.1.2026 10:00:00Z' is no UTC time such as 2026-01-31T"),
        ("00Z", "00", "line 2: the time '2026-01-31T10:00:00' is no UTC time"),
        ("sha256", "sha", "there is no column 'sha256'; the columns are file_name, sha, decision"),
        (",", "^", r"there is no column 'file_name'; the columns are file_name\^sha256"),
    ],
)
def test_what_is_wrong_in_a_row_is_said(old: str, new: str, message: str, write: Write) -> None:
    path = write("a.csv", ("bag/1.jpg", "drop"))
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(LedgerError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_ledger_that_a_spreadsheet_saved_is_the_same(separator: str, photos: Path, write: Write) -> None:
    path = write("a.csv", ("bag/1.jpg", "drop", "", "a cat"), ("bag/2.jpg", "relabel", "mug"))
    before = replay(read_catalog(photos), [path])
    path.write_text(path.read_text().replace(",", separator))
    assert replay(read_catalog(photos), [path]) == before


def test_a_ledger_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"`ledger` .*nowhere.csv: there is no such file"):
        read(tmp_path / "nowhere.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(LedgerError, match=r"picture.csv: there is no column 'file_name'; the columns are"):
        read(tmp_path / "picture.csv")


def test_names_that_are_no_text_and_other_endings_are_read_and_merged(photos: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"bag/odd \xff .jpg ")
    (photos / name).write_bytes((photos / "bag/1.jpg").read_bytes() + b"more")
    digest = hashlib.sha256((photos / name).read_bytes()).hexdigest()
    line = f"{name},{digest},drop,,,,2026-01-01T00:00:00Z\n"
    (tmp_path / "mine").write_bytes(os.fsencode(",".join(COLUMNS) + "\n" + line))
    merge([tmp_path / "mine"], tmp_path / "both")
    for path in ("mine", "both"):
        replayed = replay(read_catalog(photos), [tmp_path / path])
        assert [row.file_name for row in replayed.dropped] == [name]


def test_merged_ledgers_replay_as_their_parts(photos: Path, write: Write, tmp_path: Path) -> None:
    one = write("1.csv", ("bag/1.jpg", "drop"), ("bag/2.jpg", "relabel", "mug", 'a "mug"', "ann", "09"))
    two = write("2.csv", ("bag/1.jpg", "keep", "", "", "bob"), ("bag/2.jpg", "drop", "", "", "ann", "11"))
    before, out = read_catalog(photos), tmp_path / "out.csv"
    for order in ([one, two], [two, one]):
        assert merge(order, out, force=True) == 3
        apart, together = replay(before, order), replay(before, [out])
        assert together.catalog == apart.catalog
        assert [name for name, _ in together.disputed] == [name for name, _ in apart.disputed] == ["bag/1.jpg"]
    with pytest.raises(FolderExistsError, match="is there already"):
        merge([one], out)


def test_merged_rows_of_equal_times_keep_their_order(photos: Path, write: Write, tmp_path: Path) -> None:
    rows = (("bag/1.jpg", "keep", "", "", "ann"), ("bag/1.jpg", "drop", "", "", "bob"))
    ledger = write("a.csv", *rows, ("bag/1.jpg", "relabel", "mug", "", "ann"))
    assert merge([ledger], tmp_path / "out.csv") == 2
    for path in (ledger, tmp_path / "out.csv"):
        assert replay(read_catalog(photos), [path]).relabelled == {"bag/1.jpg": ("bag",)}


@pytest.fixture
def several(photos: Path) -> Catalog:
    """The same photos with a colour, a kind and a tag; the last one has no colour."""
    colours = ("red", "blue", "red", "blue", "red", "")
    lines = [
        f"{name},{colour},{name[:3]},{'new' * (i % 2)}"
        for i, (name, colour) in enumerate(zip(NAMES, colours, strict=True))
    ]
    (photos / "metadata.csv").write_text("\n".join(["file_name,colour,kind,tags", *lines]) + "\n")
    return read_catalog(photos, labels=Labels(label=("colour", "kind"), tags="tags"))


@pytest.fixture
def told(write: Write) -> Write:
    """Writes a ledger of ``(name, decision, label, attribute, hour)`` rows, and a reviewer if it is not ann."""

    def to(name: str, *rows: tuple[str, ...]) -> Path:
        path = write(name, *((*row[:3], "", (*row, "ann")[5], row[4]) for row in rows))
        head, *lines = path.read_text().splitlines()
        lines = [f"{line},{row[3]}" for line, row in zip(lines, rows, strict=True)]
        path.write_text("\n".join([head, *lines]) + "\n")
        return path

    return to


def _changed(before: Catalog, after: Catalog) -> dict[str, tuple[str, ...]]:
    old = {row.file_name: row.labels for row in before.rows}
    return {row.file_name: row.labels for row in after.rows if row.labels != old[row.file_name]}


def test_one_label_of_several_is_relabelled(several: Catalog, told: Write) -> None:
    ledger = told(
        "a.csv", ("bag/1.jpg", "relabel", "blue", "colour", "10"), ("mug/3.jpg", "relabel", "no", "new", "10")
    )
    found = replay(several, [ledger])
    assert _changed(several, found.catalog) == {"bag/1.jpg": ("blue", "bag", "no"), "mug/3.jpg": ("", "mug", "no")}
    assert found.relabelled == {"bag/1.jpg": ("red", "bag", "no"), "mug/3.jpg": ("", "mug", "yes")}
    attributes = found.catalog.attributes
    assert [in_words(old, attributes) for old in found.relabelled.values()] == ["red bag", "mug new"]
    new = [row.labels for row in found.catalog.rows if row.file_name in found.relabelled]
    assert [in_words(labels, attributes) for labels in new] == ["blue bag", "mug"]
    assert [found.before(i) for i in range(3)] == [{"bag/1.jpg": "red"}, {}, {"mug/3.jpg": "yes"}]
    assert found.catalog.rows[0].labels[0] == "blue"
    assert replay(found.catalog, [ledger]).catalog == found.catalog


def test_a_missing_label_is_given(several: Catalog, told: Write) -> None:
    found = replay(several, [told("a.csv", ("mug/3.jpg", "relabel", "red", "colour", "10"))])
    assert _changed(several, found.catalog) == {"mug/3.jpg": ("red", "mug", "yes")}
    assert found.before(0) == {"mug/3.jpg": ""}


def test_a_new_label_must_say_which_it_is_for(several: Catalog, told: Write, photos: Path) -> None:
    ledger = told("a.csv", ("bag/1.jpg", "relabel", "blue", "", "10"))
    with pytest.raises(
        LedgerError, match=r"a.csv: line 2: relabels to 'blue', but .* attributes colour, kind, new; write"
    ):
        replay(several, [ledger])
    one = read_catalog(photos, labels=Labels(label="colour"))
    assert replay(one, [ledger]).relabelled == {"bag/1.jpg": ("red",)}


def test_a_label_of_another_attribute_is_not_for_these_photos(several: Catalog, told: Write, photos: Path) -> None:
    rows = (("bag/1.jpg", "relabel", "mug", "kind", "10"), ("bag/2.jpg", "relabel", "red", "colour", "10"))
    ledger = told("a.csv", *rows, ("bag/3.jpg", "drop", "", "", "10"))
    found = replay(read_catalog(photos, labels=Labels(label="colour")), [ledger])
    assert (found.relabelled, found.kept) == ({"bag/2.jpg": ("blue",)}, ())
    assert [row.file_name for row in found.dropped] == ["bag/3.jpg"]
    other = replay(several, [told("b.csv", ("bag/1.jpg", "relabel", "silk", "fabric", "10"))])
    assert other.catalog == several


def test_two_labels_of_one_photo_are_both_replaced(several: Catalog, told: Write, tmp_path: Path) -> None:
    colour, kind = ("bag/1.jpg", "relabel", "blue", "colour", "10"), ("bag/1.jpg", "relabel", "mug", "kind", "11")
    for rows in ([colour, kind], [kind, colour]):
        ledger = told("a.csv", *rows)
        found = replay(several, [ledger])
        assert _changed(several, found.catalog) == {"bag/1.jpg": ("blue", "mug", "no")}
        assert found.disputed == ()
        assert merge([ledger], tmp_path / "merged.csv", force=True) == 2
        assert replay(several, [tmp_path / "merged.csv"]).catalog == found.catalog


def test_a_later_word_on_an_attribute_counts(several: Catalog, told: Write, tmp_path: Path) -> None:
    ledger = told(
        "a.csv",
        ("bag/1.jpg", "relabel", "blue", "colour", "10"),
        ("bag/1.jpg", "relabel", "mug", "kind", "11"),
        ("bag/1.jpg", "relabel", "bag", "kind", "12"),
    )
    assert merge([ledger], tmp_path / "merged.csv") == 2
    for path in (ledger, tmp_path / "merged.csv"):
        assert _changed(several, replay(several, [path]).catalog) == {"bag/1.jpg": ("blue", "bag", "no")}


def test_keeping_a_photo_undoes_all_its_new_labels(several: Catalog, told: Write, tmp_path: Path) -> None:
    rows = (("bag/1.jpg", "relabel", "blue", "colour", "10"), ("bag/1.jpg", "relabel", "mug", "kind", "11"))
    ledger = told("a.csv", *rows, ("bag/1.jpg", "keep", "", "", "12"))
    after = told("b.csv", *rows, ("bag/1.jpg", "keep", "", "", "12"), ("bag/1.jpg", "relabel", "mug", "kind", "13"))
    for path, changed in ((ledger, {}), (after, {"bag/1.jpg": ("red", "mug", "no")})):
        merge([path], tmp_path / "merged.csv", force=True)
        for each in (path, tmp_path / "merged.csv"):
            found = replay(several, [each])
            assert _changed(several, found.catalog) == changed
            assert found.kept == (() if changed else ("bag/1.jpg",))


def test_an_unknown_label_is_refused_for_its_attribute(several: Catalog, told: Write) -> None:
    for label, attribute, known in (
        ("mug", "colour", "blue, red"),
        ("red", "kind", "bag, mug"),
        ("maybe", "new", "no, yes"),
    ):
        with pytest.raises(
            LedgerError, match=rf"line 2: relabels bag/1.jpg to '{label}', .* none of the labels \({known}\)"
        ):
            replay(several, [told("a.csv", ("bag/1.jpg", "relabel", label, attribute, "10"))])
    two = told(
        "b.csv", ("bag/1.jpg", "relabel", "pink", "colour", "10"), ("bag/3.jpg", "relabel", "pink", "colour", "10")
    )
    assert replay(several, [two]).catalog.classes(0) == ("blue", "pink", "red")
    mixed = told("c.csv", ("bag/1.jpg", "relabel", "x", "colour", "10"), ("bag/3.jpg", "relabel", "x", "kind", "10"))
    with pytest.raises(LedgerError, match=r"relabels bag/1.jpg to 'x'"):
        replay(several, [mixed])


def test_a_dropped_photo_has_the_labels_it_had(several: Catalog, told: Write) -> None:
    rows = (("bag/1.jpg", "relabel", "blue", "colour", "10"), ("bag/1.jpg", "drop", "", "", "11"))
    found = replay(several, [told("a.csv", *rows)])
    assert [row.labels for row in found.dropped] == [("red", "bag", "no")]
    assert found.relabelled == {}


def test_reviewers_disagree_about_the_same_attribute(several: Catalog, told: Write, photos: Path) -> None:
    colour, kind = ("bag/1.jpg", "relabel", "blue", "colour", "10"), ("bag/1.jpg", "relabel", "mug", "kind", "11")
    red = ("bag/1.jpg", "relabel", "red", "colour", "12", "bob")
    cases = {
        (colour, (*kind, "bob")): "",
        (colour, kind, red): "ann: relabel colour to 'blue', bob: relabel colour to 'red'; the newest counts",
        (colour, (*colour[:4], "12", "bob")): "",
        (kind, ("bag/1.jpg", "drop", "", "", "12", "bob")): "ann: relabel kind to 'mug', bob: drop; the newest counts",
    }
    for rows, words in cases.items():
        found = replay(several, [told("a.csv", *rows)])
        assert found.disputed == ((("bag/1.jpg", words),) if words else ())
    one = read_catalog(photos, labels=Labels(label="colour"))
    mixed = told("b.csv", ("bag/1.jpg", "relabel", "blue", "", "10"), red)
    assert replay(one, [mixed]).disputed == (
        ("bag/1.jpg", "ann: relabel to 'blue', bob: relabel to 'red'; the newest counts"),
    )
