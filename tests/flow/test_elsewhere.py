"""Every verb answers for photos in a bucket what it answers for the same photos here, and tells no secret."""

import io
import logging
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from bucket import SECRET, Bucket

import goodsight
from goodsight import Wishes
from goodsight.cli import app
from goodsight.flow.training import Training
from goodsight.model.record import LoadedModel

SIGNED = "pl4nted-sign4ture"
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]


@pytest.fixture(scope="module")
def here(
    sound: dict[str, list[Path]], truncated: list[Path], lay: Lay, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Twelve sound photos of each kind, and a bad one."""
    folders = {kind: photos[:12] for kind, photos in sound.items()}
    folders["bag"].append(truncated[0])
    return lay(tmp_path_factory.mktemp("here") / "photos", folders)


@pytest.fixture(scope="module")
def there(bucket: Bucket, here: Path) -> str:
    return bucket.fill("photos", here)


@pytest.fixture(scope="module")
def few(drawn_photos: Path, sound: dict[str, list[Path]], truncated: list[Path]) -> list[Path]:
    """Three sound photos of each of two kinds, and a bad one."""
    return [*sound["bag"][:3], *sound["mug"][:3], truncated[0]]


def test_training_on_a_bucket_gives_the_same_model(there: str, here: Path, tmp_path: Path) -> None:
    wishes = Wishes(precision=0.95, budget=0, spoilt=0)
    one, other = (
        goodsight.train(source, tmp_path / name, wishes=wishes).folder for name, source in (("a", here), ("b", there))
    )
    names = sorted(path.relative_to(one).as_posix() for path in one.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(other).as_posix() for path in other.rglob("*") if path.is_file())
    for name in ("predictions.csv", "heads.safetensors", *(name for name in names if name.startswith("canaries/"))):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_evaluation_and_audit_of_a_bucket_find_the_same(
    there: str, here: Path, loaded: LoadedModel, tmp_path: Path
) -> None:
    scored = [goodsight.evaluate(loaded, source, spoilt=0).records() for source in (here, there)]
    assert scored[0] == scored[1]
    for name, source in (("a", here), ("b", there)):
        goodsight.audit(source, tmp_path / name)
    for name in ("findings.csv", "review.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert b"truncated" in (tmp_path / "b" / "findings.csv").read_bytes()


def test_answers_are_the_same_from_a_folder_a_list_and_a_tar_anywhere(
    bucket: Bucket, loaded: LoadedModel, few: list[Path], tmp_path: Path
) -> None:
    names = [path.name for path in few]
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    for path in few:
        (tmp_path / path.name).write_bytes(path.read_bytes())
        bucket.put(f"few/{path.name}", path.read_bytes())
    pq.write_table(pa.table({"file_name": names}), tmp_path / "list.parquet")
    with tarfile.open(tmp_path / "few.tar", "w") as tar:
        for path in few:
            tar.add(path, path.name)
    sources: list[Path] = [tmp_path / "list.parquet", tmp_path / "few.tar"]
    elsewhere = [bucket.put(f"few-lists/{path.name}", path.read_bytes()) for path in sources[1:]]
    elsewhere.append(bucket.put("few/list.parquet", sources[0].read_bytes()))
    text = io.StringIO("file_name\n" + "\n".join(bucket.url(f"few/{name}") for name in names))
    elsewhere.append(bucket.put("few-lists/list.csv", text.getvalue().encode()))
    told = [
        [(p.row.file_name.rpartition("/")[2], p.label, p.verdict, p.problem, p.probability) for p in answers]
        for answers in (list(goodsight.classify(loaded, source)) for source in [*map(str, sources), *elsewhere])
    ]
    assert len(told[0]) == len(few)
    assert sum(bool(problem) for _, _, _, problem, _ in told[0]) == 1
    for other in told[1:]:
        assert repr(sorted(other)) == repr(sorted(told[0]))
    assert goodsight.check(loaded, bucket.url(f"few/{names[0]}"), "bag") == goodsight.check(loaded, few[0], "bag")


def _written(*folders: Path) -> Iterator[bytes]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield path.read_bytes()


def test_no_secret_is_written_or_printed(
    bucket: Bucket,
    trained: Training,
    few: list[Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Signed addresses in a list, of photos that are there and that are not; and a password in an address."""
    caplog.set_level(logging.DEBUG, "goodsight")
    caplog.set_level(logging.INFO)
    lines = ["file_name,label,split"]
    for number, path in enumerate(few):
        bucket.put(f"signed/{path.name}", path.read_bytes())
        part = "test" if number % 3 == 2 else "train"
        signed = bucket.client.generate_presigned_url("get_object", {"Bucket": "shop", "Key": f"signed/{path.name}"})
        lines.append(f'"{signed}&of={SIGNED}",{path.parent.name},{part}')
    lines.append(f"{bucket.endpoint}/shop/signed/none.jpg?sig={SIGNED},bag,train")
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join(lines), encoding="utf-8")
    made = tmp_path / "made"
    made.mkdir()
    model = str(trained.folder)
    for arguments, ended in (
        (["classify", model, listed, "--out", made / "answers.csv"], 0),
        (["classify", model, listed, f"s3://key:{SIGNED}@shop/a.jpg", "--out", made / "more.csv"], 2),
        (["classify", model, f"{bucket.endpoint}/shop/none.csv?sig={SIGNED}"], 2),
        (["audit", listed, "--out", made / "audit"], 0),
        (["evaluate", model, listed, "--spoilt", "0", "--out", made / "report"], 0),
        (["train", listed, "--budget", "0", "--spoilt", "0", "--out", made / "model"], 0),
    ):
        monkeypatch.setattr("sys.argv", ["goodsight", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            app.main()
        assert (stop.value.code or 0) == ended, arguments[0]
    said = capfd.readouterr()
    answers = (made / "answers.csv").read_text(encoding="utf-8")
    assert "missing: nothing is there" in answers
    assert (made / "model" / "test.csv").is_file()
    told = [
        said.out.encode(),
        said.err.encode(),
        caplog.text.encode(),
        *_written(made, Path(os.environ["GOODSIGHT_CACHE"])),
    ]
    for secret in (SECRET, SIGNED, "X-Amz-Signature", "AWSAccessKeyId", "planted-key-id"):
        assert not any(secret.encode() in data for data in told), secret
    assert "signed/" in answers
