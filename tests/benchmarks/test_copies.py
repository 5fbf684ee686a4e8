"""The copy benchmark judges made-up vectors as its definition says; its edits and views do what they are named for."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.copies import PerceptualHash, Vectors, judge, scores
from benchmarks.copy_edits import EDITS
from benchmarks.copy_views import QUERY_VIEWS, REFERENCE_VIEWS, trimmed
from training.pictures import held_out_pictures, training_pictures

SIZE = 64


def picture(seed: int, height: int = 200, width: int = 160) -> np.ndarray:
    """Smooth random colours: something that survives blurs and sizes."""
    coarse = np.random.default_rng(seed).integers(0, 256, (10, 8, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((height // 10, width // 8, 1), np.uint8))


def axes(*numbers: int) -> np.ndarray:
    """Unit vectors along the given axes, one view each."""
    return np.eye(SIZE, dtype=np.float32)[list(numbers)][:, None]


def vectors(copies: np.ndarray, non_copies: np.ndarray) -> Vectors:
    references = axes(*range(20))
    every_edit = np.stack([copies] * len(EDITS))
    return Vectors(references, every_edit, non_copies, ["whole"], ["whole"], 0, 0.0)


def test_copies_that_equal_their_reference_are_all_found() -> None:
    result = judge(vectors(axes(0, 1, 2), axes(*range(30, 60))), "made up", "one", "one")
    assert set(result.recall.values()) == {1.0}
    assert set(result.shortlist[1].values()) == {1.0}


def test_copies_that_resemble_another_reference_are_missed_and_fall_down_the_shortlist() -> None:
    result = judge(vectors(axes(5, 6, 7), axes(*range(30, 60))), "made up", "one", "one")
    assert set(result.recall.values()) == {0.0}
    assert set(result.shortlist[1].values()) == {0.0}
    assert set(result.shortlist[20].values()) == {1.0}


def test_at_most_one_in_a_hundred_non_copies_is_above_the_threshold() -> None:
    rng = np.random.default_rng(3)
    strangers = rng.normal(size=(300, 1, SIZE)).astype(np.float32)
    strangers /= np.linalg.norm(strangers, axis=2, keepdims=True)
    made_up = vectors(axes(0), strangers)
    threshold = judge(made_up, "made up", "one", "one").threshold
    flagged = (scores(strangers, made_up.references).max(1) > threshold).sum()
    assert flagged == 3


def test_a_score_is_the_best_pair_of_views() -> None:
    query = np.stack([axes(1)[0, 0], axes(2)[0, 0]])[None]
    reference = np.stack([axes(3)[0, 0], axes(2)[0, 0]])[None]
    assert scores(query, reference).tolist() == [[1.0]]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_the_picture_and_is_the_same_in_every_run(edit: str) -> None:
    source, bystanders = picture(1), [picture(seed) for seed in (2, 3, 4)]
    once, again = (EDITS[edit](source, np.random.default_rng(9), bystanders) for _ in range(2))
    assert once.dtype == np.uint8
    assert np.array_equal(once, again)
    assert not np.array_equal(once, source)


def test_seventeen_edits() -> None:
    assert len(EDITS) == 17


@pytest.mark.parametrize(("edit", "share"), [("crop_76", 0.76), ("crop_50", 0.5), ("crop_25", 0.25)])
def test_a_crop_keeps_its_share_of_the_area(edit: str, share: float) -> None:
    cropped = EDITS[edit](picture(1), np.random.default_rng(0), [])
    assert cropped.shape[0] * cropped.shape[1] == pytest.approx(share * 200 * 160, rel=0.02)


def test_trimming_takes_a_plain_border_off() -> None:
    inside = np.random.default_rng(0).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    framed = np.full((300, 400, 3), 240, np.uint8)
    framed[50:150, 200:320] = inside
    assert abs(trimmed(framed).shape[0] - 100) <= 4


def test_trimming_leaves_a_plain_picture_as_it_is() -> None:
    plain = np.full((50, 60, 3), 7, np.uint8)
    assert trimmed(plain).shape == plain.shape


@pytest.mark.parametrize("views", [*QUERY_VIEWS.values(), *REFERENCE_VIEWS.values()])
def test_every_set_of_views_begins_with_the_whole_picture(views: dict) -> None:
    assert np.array_equal(next(iter(views.values()))(picture(1)), picture(1))


def test_a_hash_is_nearer_to_a_small_copy_than_to_another_picture() -> None:
    network, source = PerceptualHash(8), picture(1)
    small = EDITS["quarter_size"](source, np.random.default_rng(0), [])
    own = network.embed(source)
    assert own @ network.embed(small) > 0.9
    assert own @ network.embed(picture(2)) < 0.5


@pytest.mark.evaluation
def test_nobody_is_on_both_sides_of_the_split() -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "eval"
    held_out, trained = held_out_pictures(folder), training_pictures(folder)
    assert not {each.file for each in held_out} & {each.file for each in trained}
    named = {(each.set, each.identity) for each in held_out if each.identity}
    assert not named & {(each.set, each.identity) for each in trained}
