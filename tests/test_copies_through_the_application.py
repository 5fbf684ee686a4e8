"""Copies from enrolment to finding with the real networks, store and geometry: features are kept, prove, are erased."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from api.composition import Application
from api.roster import Release as StatedRelease
from api.settings import load_settings
from detector.finding import Finding
from detector.geometry.features import LOCAL
from detector.imagery import Pixels
from detector.matches import Band, CopyClass
from detector.pipeline import Submission
from indexer.enrolment import EnrolmentRequest
from indexer.judging import Release

pytestmark = pytest.mark.weights

AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def application(
    tmp_path_factory: pytest.TempPathFactory, weights_dir: Path, sample_dir: Path
) -> Iterator[Application]:
    """An installation in which the sample portrait of one man is the only reference."""
    folder = tmp_path_factory.mktemp("copies")
    settings = {"STATE_DIR": str(folder), "WEIGHTS_DIRS": str(weights_dir), "IMAGE_NETWORK": "none"}
    configured = load_settings({f"LOOKALIKE_{name}": value for name, value in settings.items()}, folder)
    with Application(configured) as made:
        talent = made.store.talents.add("joe", "Joe")
        release = Release(datetime(2026, 1, 1, tzinfo=UTC))
        made.registration.record_release(talent, StatedRelease("2026-01-01"))
        data = (sample_dir / "biden.jpg").read_bytes()
        request = EnrolmentRequest(talent.id, "joe", "biden.jpg", lambda: data, release)
        (result,) = made.enroller.enrol([request], AT)
        assert result.reference_id is not None
        yield made


@pytest.fixture(scope="module")
def portrait(sample_dir: Path) -> Pixels:
    read = cv2.imread(str(sample_dir / "biden.jpg"))
    assert read is not None
    return np.asarray(read, np.uint8)


@pytest.fixture
def check(application: Application) -> Callable[[Pixels], Finding]:
    def checked(picture: Pixels) -> Finding:
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()
        (found,) = application.detector().detect([Submission("query.jpg", data)], AT)
        return found

    return checked


def test_features_are_kept_beside_the_vectors_and_are_in_no_index(application: Application) -> None:
    (kept,) = application.store.references.list()
    features = application.store.references.vectors_of([kept.id], LOCAL)[kept.id]
    assert 5_000 < features.nbytes <= 40_000
    assert application.store.references.vectors_of([kept.id, "ref_x"], LOCAL).keys() == {kept.id}
    assert LOCAL not in {shelf.signal for shelf in application.registry._shelves}


def test_a_reencoded_portrait_is_proven(check: Callable[[Pixels], Finding], portrait: Pixels) -> None:
    (copy,) = check(portrait).copies
    assert (copy.match.band, copy.match.copy_class) == (Band.MATCH, CopyClass.REENCODED)
    assert copy.match.proof is not None
    assert copy.match.proof.face_at == 0
    assert copy.match.proof.face_agreement == 1.0


def test_a_mirror_is_proven_and_its_face_is_judged_as_the_copy(
    check: Callable[[Pixels], Finding], portrait: Pixels
) -> None:
    found = check(np.ascontiguousarray(portrait[:, ::-1]))
    (copy,) = found.copies
    assert (copy.match.band, copy.match.copy_class) == (Band.MATCH, CopyClass.ROUTINE_EDIT)
    assert copy.match.proof is not None
    assert copy.match.proof.mirrored
    assert found.faces[0].decision == copy.decision


def test_another_mouth_and_nose_in_the_portrait_go_to_a_human(
    check: Callable[[Pixels], Finding], portrait: Pixels
) -> None:
    """The lower half of the face is turned upside down: crude, but no longer the photograph."""
    changed = portrait.copy()
    changed[390:560, 450:690] = portrait[390:560, 450:690][::-1]
    (copy,) = check(changed).copies
    assert copy.match.copy_class is CopyClass.ALTERED


def test_what_is_erased_proves_nothing_any_more(
    application: Application, check: Callable[[Pixels], Finding], portrait: Pixels
) -> None:
    (kept,) = application.store.references.list()
    application.store.references.remove(kept.id)
    assert application.store.references.vectors_of([kept.id], LOCAL) == {}
    assert check(portrait).copies == ()
