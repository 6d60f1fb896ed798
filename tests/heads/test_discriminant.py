"""Folds do not see their photos, doubted ones are not learned from, and what is set aside is not looked at."""

from dataclasses import replace

import numpy as np
from clouds import clouds

from goodsight.heads import discriminant
from goodsight.heads.kernels import unit


def test_folds_do_not_see_their_photos() -> None:
    photos = clouds([30, 20, 25])
    x, labels, others = photos.vectors.astype(np.float32), photos.labels, np.arange(75) % 2
    scores = discriminant.out_of_fold(x, replace(photos, others=others), 0.1, 2.0)
    out = photos.folds == 0
    cells = (2 * labels + others)[~out]
    whiten, means = discriminant.whitened(x[~out], labels[~out], cells, 3, 0.1, 2.0)
    assert np.allclose(scores[out], unit(x[out] @ whiten) @ means, atol=1e-4)


def test_what_is_hidden_as_well_is_not_learned_from() -> None:
    photos = clouds([30, 30])
    x, hidden, doubted = photos.vectors.astype(np.float32), np.arange(60) % 2, np.arange(60) % 7 == 0
    scores = discriminant.out_of_fold(x, replace(photos, hidden=hidden, doubted=doubted), 0.1, 0.0)
    for fold in range(5):
        for one in range(2):
            out = (photos.folds == fold) & (hidden == one)
            rest = (photos.folds != fold) & (hidden != one) & ~doubted
            labels = photos.labels[rest]
            whiten, means = discriminant.whitened(x[rest], labels, labels, 2, 0.1, 0.0)
            assert np.allclose(scores[out], unit(x[out] @ whiten) @ means, atol=1e-4)
    alone = replace(photos, folds=np.zeros(60, int))
    assert np.isnan(discriminant.out_of_fold(x, alone, 0.1, 0.0)).all()


def test_doubted_photos_are_not_learned_from() -> None:
    photos = clouds([30, 20, 25])
    x, doubted = photos.vectors.astype(np.float32), np.arange(75) % 7 == 0
    given = replace(photos, doubted=doubted)
    whiten, means = discriminant.learn(x, given, 0.1, 0.0)
    scores = discriminant.out_of_fold(x, given, 0.1, 0.0)
    labels = photos.labels[~doubted]
    alone = discriminant.whitened(x[~doubted], labels, labels, 3, 0.1, 0.0)
    assert np.allclose(whiten, alone[0])
    assert np.allclose(means, alone[1])
    assert np.isfinite(scores).all()
    out = photos.folds == 0
    rest = ~out & ~doubted
    whiten, means = discriminant.whitened(x[rest], photos.labels[rest], photos.labels[rest], 3, 0.1, 0.0)
    assert np.allclose(scores[out], unit(x[out] @ whiten) @ means, atol=1e-4)


def test_what_a_fold_leaves_of_pairs_has_no_spread() -> None:
    """Sums are taken from sums: where nothing is left, rounding must not leave less than nothing."""
    photos = replace(clouds([2] * 20), folds=np.arange(40) % 2)
    scores = discriminant.out_of_fold(photos.vectors.astype(np.float32), photos, 0.1, 0.0)
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == photos.labels).mean() > 0.8


def test_the_spread_within_classes_becomes_even() -> None:
    photos = clouds([300, 200])
    x = photos.vectors.astype(np.float32) * np.linspace(0.2, 3, 40, dtype=np.float32)
    whiten, means = discriminant.whitened(x, photos.labels, photos.labels, 2, 0.0, 0.0)
    rest = x - np.stack([x[photos.labels == c].mean(axis=0) for c in (0, 1)])[photos.labels]
    assert np.allclose(np.cov((rest @ whiten).T, bias=True), np.eye(40), atol=1e-2)
    assert np.allclose(np.linalg.norm(means, axis=0), 1, atol=1e-5)


def test_the_direction_of_what_is_set_aside_shrinks() -> None:
    photos = clouds([600, 600])
    x, others = photos.vectors.astype(np.float32), np.arange(1200) % 2
    x[:, 0] += 5 * others
    beside = replace(photos, others=others)
    plain, aside = (discriminant.learn(x, beside, 0.0, much)[0] for much in (0.0, 64.0))
    assert np.linalg.norm(aside[0]) < 0.5 * np.linalg.norm(plain[0])


def test_main_directions_span_what_there_is() -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(50, 3)) @ rng.normal(size=(3, 20))).astype(np.float32)
    basis = discriminant.principal(x, 3)
    assert np.allclose(basis.T @ basis, np.eye(3), atol=1e-5)
    assert np.allclose(x @ basis @ basis.T, x, atol=1e-3)
    assert discriminant.principal(x, 800).shape == (20, 20)
