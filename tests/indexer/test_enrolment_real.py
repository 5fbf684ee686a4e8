"""Enrolment with the real networks, calibration and store, on official portraits: each rule for a true reason."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from api.composition import KeptReferences
from data.calibration import read_tables
from data.store import Store
from detector.decoding import DecodeLimits, decode
from detector.extractor import SignalExtractor
from detector.faces.networks import FaceNetworks
from detector.matching import MatchPolicy
from detector.signals import Box
from indexer.enrolment import Enroller, EnrolmentPorts, EnrolmentRequest, EnrolmentResult
from indexer.judging import Release
from indexer.registry import Registry

pytestmark = pytest.mark.weights

AT = datetime(2026, 3, 1, tzinfo=UTC)
RELEASE = Release(AT - timedelta(days=1))

Enrol = Callable[..., EnrolmentResult]


@pytest.fixture(scope="module")
def extractor(weights_dir: Path) -> Iterator[SignalExtractor]:
    yunet = weights_dir / "face_detection_yunet_2023mar.onnx"
    networks = FaceNetworks(yunet, weights_dir / "face_recognition_sface_2021dec.onnx", threads=1)
    extractor = SignalExtractor(networks, None, {}, threads=1)
    yield extractor
    extractor.close()


@pytest.fixture
def enrol(extractor: SignalExtractor, tmp_path: Path) -> Iterator[Enrol]:
    """Enrols one picture for one of two talents, obama and biden, of a fresh store."""
    with Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}", clock=lambda: AT) as store:
        talents = {ref: store.talents.add(ref, ref).id for ref in ("obama", "biden")}
        names = {talent_id: ref for ref, talent_id in talents.items()}
        tables, made_by = read_tables(), extractor.made_by
        assert made_by.face is not None
        registry = Registry.open(made_by, store.changes)
        policy = partial(MatchPolicy, tables.face(made_by.face), copies=tables.copies_of(made_by.ids))
        ports = EnrolmentPorts(
            partial(decode, limits=DecodeLimits()),
            extractor,
            registry,
            KeptReferences(store),
            policy,
            name_of=names.__getitem__,
        )

        def one(talent: str, data: bytes, box: Box | None = None) -> EnrolmentResult:
            request = EnrolmentRequest(talents[talent], talent, "picture", lambda: data, RELEASE, box)
            (result,) = Enroller(ports).enrol([request], AT)
            return result

        yield one


def encoded(picture: Image.Image, image_format: str = "JPEG", quality: int = 80) -> bytes:
    target = io.BytesIO()
    picture.save(target, image_format, quality=quality)
    return target.getvalue()


@pytest.fixture
def portrait(sample_dir: Path) -> Callable[[str], bytes]:
    return lambda name: (sample_dir / f"{name}.jpg").read_bytes()


def test_portraits_of_one_person_are_accepted(enrol: Enrol, portrait: Callable[[str], bytes]) -> None:
    results = [enrol("obama", portrait(name)) for name in ("obama", "obama2", "obama3")]
    assert [(result.status, result.code) for result in results] == [("accepted", None)] * 3


def test_the_same_photograph_smaller_is_a_near_duplicate(
    enrol: Enrol, portrait: Callable[[str], bytes]
) -> None:
    enrol("obama", portrait("obama"))
    smaller = Image.open(io.BytesIO(portrait("obama")))
    smaller.thumbnail((600, 600))
    assert enrol("obama", encoded(smaller)).code == "near_duplicate"


def test_another_persons_portrait_is_a_mix_up(enrol: Enrol, portrait: Callable[[str], bytes]) -> None:
    enrol("obama", portrait("obama"))
    assert enrol("obama", portrait("biden")).code == "inconsistent"


def test_a_portrait_of_another_talent_names_that_talent(
    enrol: Enrol, portrait: Callable[[str], bytes]
) -> None:
    enrol("obama", portrait("obama"))
    enrol("biden", portrait("biden"))
    result = enrol("biden", portrait("obama2"))
    assert result.code == "closer_to_another_talent"
    assert "talent obama" in str(result.detail)


def test_two_people_side_by_side_and_the_choice_of_one(
    enrol: Enrol, portrait: Callable[[str], bytes]
) -> None:
    left, right = (
        Image.open(io.BytesIO(portrait(name))).convert("RGB").resize((400, 500))
        for name in ("obama", "biden")
    )
    both = Image.new("RGB", (800, 500))
    both.paste(left, (0, 0))
    both.paste(right, (400, 0))
    data = encoded(both)
    result = enrol("biden", data)
    assert result.code == "several_faces"
    assert len(result.boxes) == 2
    chosen = enrol("biden", data, box=result.boxes[1])
    assert (chosen.status, chosen.code) == ("accepted", None)
    assert chosen.box is not None
    assert chosen.box.x > 400
    enrol("obama", portrait("obama"))
    assert enrol("biden", portrait("biden")).status == "accepted", "the chosen face is not Biden's"


def test_a_thumbnail_is_too_small(enrol: Enrol, portrait: Callable[[str], bytes]) -> None:
    tiny = Image.open(io.BytesIO(portrait("obama2")))
    tiny.thumbnail((60, 60))
    result = enrol("obama", encoded(tiny, "PNG"))
    assert result.status == "rejected"
    assert result.code in {"no_face", "low_quality_too_small"}


def test_no_face(enrol: Enrol) -> None:
    assert enrol("obama", encoded(Image.new("RGB", (400, 300), (90, 120, 150)))).code == "no_face"
