"""The copy classes on real pictures: labelled pairs, edits of real faces, and look-alikes that are no copies."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.copy_edits import (
    banner,
    collage,
    crop_25,
    crop_50,
    jpeg_20,
    mirror,
    screenshot,
    text_band,
    turn_10,
)
from data.calibration import read_tables
from detector.candidates import CopyCandidate
from detector.copying import match_copies
from detector.decoding import DecodeLimits, decode
from detector.errors import InputError
from detector.geometry.codec import decode as stored
from detector.geometry.codec import encode
from detector.geometry.features import LOCAL, QUERY, REFERENCE, LocalFeatures, describe
from detector.geometry.proof import Prover
from detector.imagery import Pixels
from detector.matches import Band, CopyClass, FaceMatch, ScoredCandidate
from detector.proofs import Proof
from detector.signals import Box, SignalId, SignalKind
from tests.conftest import EVAL_DIR

pytestmark = pytest.mark.evaluation

TABLES = {LOCAL: read_tables().copies[LOCAL]}
FACE = SignalId(SignalKind.FACE, "toy", "1", "none")
LFW_FACE = Box(0.3, 0.27, 0.4, 0.46)
"""Where LFW's alignment puts the face."""

WOMAN, MAN = "lfw/Serena_Williams/Serena_Williams_0002.jpg", "lfw/Ari_Fleischer/Ari_Fleischer_0006.jpg"
EMBOSSED = "copydetect/formats/hopper_emboss.bmp"
"""An emboss filter leaves nothing but edges: not found, and not promised."""


@cache
def picture(name: str) -> Pixels | None:
    """None for a format that is not read."""
    try:
        return decode((EVAL_DIR / name).read_bytes(), source=name, limits=DecodeLimits()).pixels
    except InputError:
        return None


@cache
def reference(name: str) -> LocalFeatures:
    pixels = picture(name)
    assert pixels is not None
    return stored(encode(describe(pixels, REFERENCE, LFW_FACE if name.startswith("lfw/") else None)))


def classed(proof: Proof | None, *faces: FaceMatch) -> tuple[Band, CopyClass | None] | None:
    candidate = CopyCandidate("ana", "r1", LOCAL, 0.0)
    found = match_copies([candidate], faces, TABLES, {"r1": proof})
    return (found[0].band, found[0].copy_class) if found else None


def proof_of(name: str, query: Pixels) -> Proof | None:
    return Prover(describe(query, QUERY)).prove(reference(name))


def somebody(talent: str) -> FaceMatch:
    found = ScoredCandidate(talent, "x", FACE, 0.7, 4.0, Band.MATCH)
    return FaceMatch((found,), None, None, (), usable=True)


def test_labelled_pairs_are_copies_or_not() -> None:
    with (EVAL_DIR / "copy_pairs.csv").open(encoding="utf-8", newline="") as rows:
        pairs = [(row["file_a"], row["file_b"], row["label"] == "same_photo") for row in csv.DictReader(rows)]
    wrong = []
    for first, second, same in pairs:
        query = picture(second)
        if query is None or second == EMBOSSED:
            continue
        if (classed(proof_of(first, query)) is not None) is not same:
            wrong.append(second)
    assert wrong == []
    assert len(pairs) > 80


def _man() -> Pixels:
    pixels = picture(MAN)
    assert pixels is not None
    return pixels


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (jpeg_20, CopyClass.ROUTINE_EDIT),
        (mirror, CopyClass.ROUTINE_EDIT),
        (turn_10, CopyClass.ROUTINE_EDIT),
        (crop_50, CopyClass.CROPPED),
        (crop_25, CopyClass.CROPPED),
        (banner, CopyClass.EMBEDDED),
        (collage, CopyClass.EMBEDDED),
        (screenshot, CopyClass.EMBEDDED),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_an_edited_photograph_has_its_class(edit: Callable[..., Pixels], expected: CopyClass) -> None:
    original = picture(WOMAN)
    assert original is not None
    query = edit(original, np.random.default_rng(3), [_man()] * 3)
    assert classed(proof_of(WOMAN, query)) == (Band.MATCH, expected)


def test_a_band_of_text_is_found_and_left_to_a_human() -> None:
    original = picture(WOMAN)
    assert original is not None
    found = classed(proof_of(WOMAN, text_band(original, np.random.default_rng(3), [])))
    assert found is not None
    assert found[0] is Band.POSSIBLE


def _swapped() -> Pixels:
    """The man's face blended into the woman's photograph, as a face-swap program does."""
    original = picture(WOMAN)
    assert original is not None
    height, width = original.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    middle = (width // 2, height // 2)
    cv2.ellipse(mask, middle, (round(0.17 * width), round(0.22 * height)), 0, 0, 360, 255, cv2.FILLED)
    return np.asarray(cv2.seamlessClone(_man(), original, mask, middle, cv2.NORMAL_CLONE), np.uint8)


def test_a_swapped_face_is_a_changed_face_and_never_a_routine_edit() -> None:
    proof = proof_of(WOMAN, _swapped())
    assert proof is not None
    assert proof.agreement > 0.8  # the rest matches
    assert proof.face_agreement is not None
    assert proof.face_agreement < 0.95  # the face does not
    seen = replace(proof, face_at=0)
    assert classed(seen, somebody("bea")) == (Band.MATCH, CopyClass.ALTERED)
    assert classed(seen, somebody("ana")) == (Band.POSSIBLE, CopyClass.ALTERED)
    assert classed(proof) == (Band.POSSIBLE, CopyClass.ALTERED)


def test_another_body_under_the_same_head_goes_to_a_human() -> None:
    original = picture(WOMAN)
    assert original is not None
    changed = original.copy()
    changed[175:] = cv2.resize(_man(), original.shape[1::-1])[175:]
    proof = proof_of(WOMAN, changed)
    assert proof is not None
    assert classed(replace(proof, face_at=0), somebody("ana")) == (Band.POSSIBLE, CopyClass.ALTERED)


def _shop() -> list[str]:
    """Women and men before the white walls of two shops, each in one pose or another: one template, other pictures."""
    folders = ("fashion_tryon/ootd/model", "fashion_tryon/idm/human")
    return [
        str(Path(folder) / file.name) for folder in folders for file in sorted((EVAL_DIR / folder).iterdir())
    ]


def test_other_pictures_of_one_template_are_no_copies() -> None:
    names = [name for name in _shop() if picture(name) is not None]
    provers = {name: Prover(describe(picture(name), QUERY)) for name in names}  # type: ignore[arg-type] # not None
    matched = [
        (query, name)
        for query, name in permutations(names, 2)
        if classed(provers[query].prove(reference(name)))
    ]
    assert matched == []
    assert len(names) > 20
