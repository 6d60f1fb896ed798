"""No head warns of ill-conditioned matrices, whatever the embeddings are like; warnings are errors in all tests.

Tens of thousands of photos that look much alike, as packshots do, weigh a few directions so much that single precision
loses the others. A few hundred photos with a penalty that is as much smaller do the same: so fitted, the kernel's and
the linear head's sums had a reciprocal condition of 1e-8.
"""

from dataclasses import replace

import numpy as np
import pytest
from clouds import BLOCKS, clouds

from goodsight.arrays import Array, Bools, Doubles
from goodsight.embedding import filed
from goodsight.embedding.filed import put_away
from goodsight.heads import kinds, ridge
from goodsight.heads.examples import Examples
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler

MANY = 2_000_000
SIZES = [200, 150, 6]
KINDS = (
    Setting("linear", 0.0, 0.3),
    Setting("kernel", 0.25, 0.02),
    Setting("cosine", 0.0, 0.03),
    Setting("curved", 0.5, 0.03, aside=1.0),
)


def _odd(x: Array) -> dict[str, Array]:
    """Embeddings as bad as they come."""
    draw = np.random.default_rng(0)
    same = x.copy()
    same[:, 20:] = x[:, :20]
    constant = x.copy()
    constant[:, 5:30] = draw.normal(size=25) * 100
    alike = 10 + 0.1 * x
    scales = x * np.exp(draw.normal(size=x.shape[1]) * 8)
    copies = x[np.arange(len(x)) // 8 * 8]
    return {"same": same, "constant": constant, "alike": alike, "scales": scales, "copies": copies}


@pytest.mark.parametrize("where", ["kernel", "sums", "file"])
@pytest.mark.parametrize("setting", KINDS, ids=lambda s: s.kind)
@pytest.mark.parametrize("odd", _odd(np.zeros((8, 40), np.float32)))
def test_odd_columns(odd: str, setting: Setting, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = clouds(SIZES)
    x = _odd(photos.vectors.astype(np.float32))[odd].astype(np.float32)
    _fitted(replace(photos, filed=x), setting, where, monkeypatch)


@pytest.mark.parametrize("where", ["kernel", "sums"])
@pytest.mark.parametrize("setting", KINDS, ids=lambda s: s.kind)
def test_more_columns_than_photos(setting: Setting, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = clouds([10, 8, 6])
    _fitted(photos, setting, where, monkeypatch)


def _fitted(photos: Examples, setting: Setting, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit as if there were so many photos; what is said of them is finite, and mostly right."""
    monkeypatch.setattr(filed, "BLOCK", 100)
    monkeypatch.setattr(ridge, "EXACT", 10_000 if where == "kernel" else len(photos) // 3 * 2)
    if where == "file":
        photos = replace(photos, filed=put_away(np.clip(photos.vectors, -6e4, 6e4).astype(np.float16)))
    if setting.kind in {"linear", "kernel"}:
        setting = replace(setting, penalty=setting.penalty * len(photos) / MANY)
    head, scores = kinds.train(setting, Scaler.fit(photos.filed, BLOCKS), photos)
    assert np.isfinite(scores).all()
    assert np.isfinite(head(photos.vectors)).all()
    if len(photos) > 100:
        assert (scores.argmax(axis=1) == photos.labels).mean() > 0.8


def test_weights_are_those_of_double_precision() -> None:
    """One direction weighs ten million times as much as the others."""
    draw = np.random.default_rng(1)
    phi = (draw.normal(size=(400, 30)) * 0.05 + 1).astype(np.float32)
    labels = np.arange(400) % 3
    phi[:, 0] += labels
    penalty = np.full(400, 4e-3, np.float32)
    weights, scores = ridge.solve_primal(
        lambda rows: phi[rows], ridge.one_hot(labels), np.arange(400) // 3 % 5, penalty
    )
    wide = phi.astype(np.float64)

    def expected(rest: Bools) -> Doubles:
        known = wide[rest] / 4e-3
        return np.asarray(np.linalg.solve(known.T @ wide[rest] + np.eye(30), known.T @ ridge.one_hot(labels)[rest]))

    assert np.allclose(phi @ weights, wide @ expected(labels >= 0), atol=1e-3)
    for fold in range(5):
        out = np.arange(400) // 3 % 5 == fold
        assert np.allclose(scores[out], wide[out] @ expected(~out), atol=1e-3)


def test_what_rounding_made_indefinite_is_solved_all_the_same() -> None:
    draw = np.random.default_rng(2)
    some = draw.normal(size=(40, 8))
    matrix = (some @ some.T).astype(np.float32) - 2e-5 * np.eye(40, dtype=np.float32)
    right = (matrix @ draw.normal(size=(40, 2))).astype(np.float32)
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(matrix)
    assert np.allclose(matrix @ ridge.solved(matrix, right), right, atol=0.05)
    with pytest.raises(np.linalg.LinAlgError):
        ridge.solved(-np.eye(3), np.ones((3, 1)))


def test_embeddings_that_are_not_finite_are_refused() -> None:
    phi = np.full((20, 3), np.nan, np.float32)
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        ridge.solve_primal(lambda rows: phi[rows], np.ones((20, 2), "f4"), np.arange(20) % 2, np.ones(20, "f4"))
