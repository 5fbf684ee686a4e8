"""Enrolment over a fake network and a store in memory: every rule and code, batches in order, durability."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.calibration import CopyCalibration, FaceCalibration, Monotone
from detector.errors import Conflict, UndecodablePicture, UnreadableInput, WeightsError
from detector.imagery import DecodedImage
from detector.matching import MatchPolicy
from detector.signals import Box, SignalKind, Signals, SignalSet
from indexer.enrolment import (
    BATCH,
    AcceptedReference,
    Enroller,
    EnrolmentPorts,
    EnrolmentRequest,
    EnrolmentResult,
    Status,
)
from indexer.judging import CODES, OVERRIDABLE, Release
from indexer.registry import Registry

AT = datetime(2026, 3, 1, tzinfo=UTC)
SIZE = (500, 200)
"""Width and height of every picture."""
RELEASE = Release(AT - timedelta(days=1))
LINE = Monotone(((-1.0, -13.0), (0.3, 0.0), (1.0, 7.0)))
"""Strength: ten per unit of similarity, nought at 0.3."""
FALSE_MATCH = Monotone(((-2.0, -2.302585), (4.0, -9.2)))
"""One stranger in ten reaches strength -2 (similarity 0.1); one in five thousand about 3.4 (similarity 0.64)."""


class Studio:
    """A fake network, decoder and store around one real registry: pictures are made up of named parts."""

    def __init__(self, world: Any, made_by: SignalSet | None = None) -> None:
        self.world = world
        self.made_by = made_by or world.made_by
        self.feed = world.feed()
        self.kept: dict[str, AcceptedReference] = {}
        self.files: dict[str, list[tuple[str, str]]] = {}
        self.shows: dict[str, Signals] = {}
        self.batches: list[int] = []
        self.opened: list[str] = []
        self.registry = Registry.open(self.made_by, self.feed)

    def enroller(self) -> Enroller:
        return Enroller(
            EnrolmentPorts(self.decode, self, self.registry, self, self.policy, name_of=str.upper)
        )

    def enrol(self, *requests: EnrolmentRequest) -> list[EnrolmentResult]:
        return list(self.enroller().enrol(requests, AT))

    def picture(self, name: str, faces: Sequence[Any], like: Mapping[Any, Any] | None = None) -> bytes:
        """A file that shows these faces (vectors, or whole faces)."""
        shown = tuple(self.world.as_face(face) if isinstance(face, np.ndarray) else face for face in faces)
        self.shows[hashlib.sha256(name.encode()).hexdigest()] = replace(
            self.world.seen(like=like), faces=shown
        )
        return name.encode()

    def of(self, talent: str, name: str, *faces: Any, **options: Any) -> EnrolmentRequest:
        """A request for a picture of these faces."""
        data = self.picture(name, faces, options.pop("like", None))
        return self.request(talent, name, lambda: data, **options)

    def request(self, talent: str, name: str, read: Any, **options: Any) -> EnrolmentRequest:
        options = {"release": RELEASE, **options}

        def opened() -> bytes:
            self.opened.append(name)
            return bytes(read())

        return EnrolmentRequest(talent, f"ref of {talent}", name, opened, **options)

    def decode(self, data: bytes, *, source: str) -> DecodedImage:
        if data.startswith(b"broken"):
            raise UndecodablePicture(f"{source} is cut short", code="truncated")
        pixels = np.zeros((1, 1, 3), dtype=np.uint8)
        return DecodedImage(pixels, *SIZE, "PNG", hashlib.sha256(data).hexdigest())

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        self.batches.append(len(images))
        return [self.shows[image.sha256] for image in images]

    def policy(self, registry_size: int) -> MatchPolicy:
        hashes = (self.world.phash, self.world.dhash)
        copies = {name: CopyCalibration(name, LINE, near=0.9, very_near=0.95) for name in hashes}
        faces = FaceCalibration(self.world.face, 0.5, LINE, FALSE_MATCH)
        return MatchPolicy(faces, registry_size, copies=copies)

    def references_of_files(self, sha256s: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        return {sha256: self.files[sha256] for sha256 in sha256s if sha256 in self.files}

    def add(self, talent_id: str, reference: AcceptedReference) -> str:
        if talent_id == "erased":
            raise Conflict("talent erased was erased")
        reference_id = f"ref{len(self.kept)}"
        self.kept[reference_id] = reference
        self.files.setdefault(reference.sha256, []).append((talent_id, reference_id))
        self.feed.put(reference_id, talent_id, reference.signals, reference.quality.score)
        return reference_id


@pytest.fixture
def studio(world: Any) -> Studio:
    return Studio(world)


def codes(results: Sequence[EnrolmentResult]) -> list[tuple[str, str | None]]:
    return [(result.status.value, result.code) for result in results]


def test_a_clear_face_is_accepted_and_found_afterwards(studio: Studio) -> None:
    face, like = studio.world.unit(), studio.world.vectors()
    (result,) = studio.enrol(studio.of("ada", "a.jpg", face, like=like))
    assert result == EnrolmentResult(
        "ref of ada",
        "a.jpg",
        Status.ACCEPTED,
        reference_id="ref0",
        box=Box(10, 10, 100, 120),
    )
    kept = studio.kept["ref0"]
    assert (kept.picture, kept.source, kept.sha256) == (
        b"a.jpg",
        "a.jpg",
        hashlib.sha256(b"a.jpg").hexdigest(),
    )
    assert set(kept.signals) == set(studio.made_by.ids)
    assert np.array_equal(kept.signals[studio.world.face], face)
    assert np.array_equal(kept.signals[studio.world.image], like[studio.world.image])
    studio.registry.refresh()
    (answer,) = studio.registry.search([studio.world.seen([face])], 1)
    assert [candidate.talent_id for candidate in answer.faces[0]] == ["ada"]


@pytest.mark.parametrize(
    ("release", "code"),
    [
        (None, "no_release"),
        (Release(AT + timedelta(seconds=1)), "no_release"),
        (Release(AT, AT), "release_expired"),
        (Release(AT - timedelta(days=9), AT - timedelta(days=1)), "release_expired"),
    ],
)
def test_without_a_release_that_holds_the_picture_is_not_even_opened(
    studio: Studio, release: Release | None, code: str
) -> None:
    results = studio.enrol(studio.of("ada", "a.jpg", studio.world.unit(), release=release))
    assert codes(results) == [("rejected", code)]
    assert studio.opened == []
    assert studio.kept == {}


@pytest.mark.parametrize("release", [Release(AT), Release(AT, AT + timedelta(seconds=1))])
def test_a_release_holds_from_its_signature_until_its_end(studio: Studio, release: Release) -> None:
    results = studio.enrol(studio.of("ada", "a.jpg", studio.world.unit(), release=release))
    assert codes(results) == [("accepted", None)]


def test_a_picture_that_cannot_be_had_or_decoded_costs_its_own_row_only(studio: Studio) -> None:
    def absent() -> bytes:
        raise UnreadableInput("b.jpg does not exist")

    results = studio.enrol(
        studio.of("ada", "a.jpg", studio.world.unit()),
        studio.request("ada", "b.jpg", absent),
        studio.request("bob", "c.jpg", lambda: b"broken"),
        studio.of("bob", "d.jpg", studio.world.unit()),
    )
    assert codes(results) == [
        ("accepted", None),
        ("rejected", "unreadable"),
        ("rejected", "truncated"),
        ("accepted", None),
    ]
    assert results[1].detail == "b.jpg does not exist"
    assert [result.image for result in results] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def test_no_face(studio: Studio) -> None:
    assert codes(studio.enrol(studio.of("ada", "a.jpg"))) == [("rejected", "no_face")]


def two_faces(studio: Studio, second: Box) -> list[Any]:
    first = studio.world.as_face(studio.world.unit(), Box(300, 0, 100, 100))
    assert second.overlap(first.box) == 0
    return [first, studio.world.as_face(studio.world.unit(), second)]


def test_several_clear_faces_name_their_boxes_from_left_to_right(studio: Studio) -> None:
    faces = two_faces(studio, Box(110, 10, 90, 90))
    (result,) = studio.enrol(studio.of("ada", "a.jpg", *faces))
    assert (result.status, result.code) == (Status.REJECTED, "several_faces")
    assert result.boxes == (Box(110, 10, 90, 90), Box(300, 0, 100, 100))
    assert "110,10,90,90; 300,0,100,100" in str(result.detail)


def test_the_chosen_box_picks_the_face(studio: Studio) -> None:
    faces = two_faces(studio, Box(110, 10, 90, 90))
    (result,) = studio.enrol(studio.of("ada", "a.jpg", *faces, box=Box(105, 5, 100, 100)))
    assert (result.status, result.box) == (Status.ACCEPTED, Box(110, 10, 90, 90))
    assert np.array_equal(studio.kept["ref0"].signals[studio.world.face], faces[1].vector)


def test_a_box_with_no_face_in_it(studio: Studio) -> None:
    faces = two_faces(studio, Box(110, 10, 90, 90))
    (result,) = studio.enrol(studio.of("ada", "a.jpg", *faces, box=Box(420, 120, 60, 60)))
    assert (result.status, result.code) == (Status.REJECTED, "no_face_in_box")
    assert set(result.boxes) == {faces[0].box, faces[1].box}


@pytest.mark.parametrize(("side", "accepted"), [(70, True), (71, False)])
def test_a_face_of_less_than_half_the_prominence_is_a_bystander(
    studio: Studio, side: float, accepted: bool
) -> None:
    """Both faces are as near to the middle of the picture (500 × 200), so prominence goes by their areas."""
    first = studio.world.as_face(studio.world.unit(), Box(300, 50, 100, 100))
    second = studio.world.as_face(studio.world.unit(), Box(150 - side / 2, 100 - side / 2, side, side))
    (result,) = studio.enrol(studio.of("ada", "a.jpg", first, second))
    if accepted:
        assert (result.status, result.code, result.box) == (Status.ACCEPTED, "most_prominent", first.box)
        assert "300,50,100,100" in str(result.detail)
    else:
        assert (result.status, result.code, result.box) == (Status.REJECTED, "several_faces", None)


def test_a_face_in_the_middle_outweighs_a_larger_one_at_the_edge(studio: Studio) -> None:
    middle = studio.world.as_face(studio.world.unit(), Box(200, 50, 100, 100))
    edge = studio.world.as_face(studio.world.unit(), Box(0, 40, 110, 110))
    (result,) = studio.enrol(studio.of("ada", "a.jpg", edge, middle))
    assert (result.status, result.box) == (Status.ACCEPTED, middle.box)


def test_two_faces_side_by_side_are_nobodys_portrait(studio: Studio) -> None:
    left = studio.world.as_face(studio.world.unit(), Box(50, 50, 100, 100))
    right = studio.world.as_face(studio.world.unit(), Box(350, 50, 100, 100))
    (result,) = studio.enrol(studio.of("ada", "a.jpg", right, left))
    assert (result.code, result.boxes) == ("several_faces", (left.box, right.box))


def test_an_unusable_second_face_does_not_count(studio: Studio) -> None:
    clear = studio.world.as_face(studio.world.unit(), Box(300, 0, 100, 100))
    blurred = studio.world.as_face(studio.world.unit(), Box(0, 0, 200, 200), faults=("blurred",))
    (result,) = studio.enrol(studio.of("ada", "a.jpg", blurred, clear))
    assert (result.status, result.box) == (Status.ACCEPTED, clear.box)


@pytest.mark.parametrize("fault", ["too_small", "blurred"])
@pytest.mark.parametrize("confirmed", [False, True])
def test_a_poor_face_names_its_fault_and_cannot_be_confirmed_away(
    studio: Studio, fault: str, confirmed: bool
) -> None:
    poor = studio.world.as_face(studio.world.unit(), faults=(fault, "turned_away"))
    (result,) = studio.enrol(studio.of("ada", "a.jpg", poor, confirmed=confirmed))
    assert (result.status, result.code) == (Status.REJECTED, f"low_quality_{fault}")
    assert "turned away" in str(result.detail)
    assert result.box == poor.box


def test_the_same_roster_twice_changes_nothing(studio: Studio) -> None:
    faces = [studio.world.unit() for _ in range(3)]
    roster = [studio.of(f"t{n}", f"{n}.jpg", face) for n, face in enumerate(faces)]
    assert codes(studio.enrol(*roster)) == [("accepted", None)] * 3
    again = studio.enrol(*roster)
    assert codes(again) == [("unchanged", "duplicate_picture")] * 3
    assert len(studio.kept) == 3
    assert studio.batches == [3], "an unchanged picture went through the networks"


def test_the_same_picture_twice_in_one_batch(studio: Studio) -> None:
    request = studio.of("ada", "a.jpg", studio.world.unit())
    assert codes(studio.enrol(request, request)) == [
        ("accepted", None),
        ("unchanged", "duplicate_picture"),
    ]


@pytest.mark.parametrize("apart", [False, True])
def test_the_same_file_of_another_talent_is_reported(studio: Studio, apart: bool) -> None:
    face = studio.world.unit()
    first, second = studio.of("ada", "a.jpg", face), studio.of("bob", "a.jpg", face)
    results = [*studio.enrol(first), *studio.enrol(second)] if apart else studio.enrol(first, second)
    assert codes(results) == [("accepted", None), ("rejected", "picture_of_another_talent")]
    assert "ADA" in str(results[1].detail)


def test_two_talents_in_one_picture_by_box_when_confirmed(studio: Studio) -> None:
    faces = two_faces(studio, Box(110, 10, 90, 90))
    first = studio.of("ada", "a.jpg", *faces, box=faces[0].box)
    second = studio.of("bob", "a.jpg", *faces, box=faces[1].box, confirmed=True)
    results = studio.enrol(first, second)
    assert codes(results) == [("accepted", None), ("accepted", "picture_of_another_talent")]
    assert "confirmed" in str(results[1].detail)


@pytest.mark.parametrize("apart", [False, True])
def test_the_same_photograph_re_encoded_is_a_near_duplicate(studio: Studio, apart: bool) -> None:
    face, like = studio.world.unit(), studio.world.vectors()
    recoded = {**like, studio.world.phash: like[studio.world.phash] ^ np.uint8(0)}
    recoded[studio.world.phash][0, 0] ^= 1
    first = studio.of("ada", "a.jpg", face, like=like)
    second = studio.of("ada", "a2.jpg", studio.world.near(face, 0.1), like=recoded)
    results = [*studio.enrol(first), *studio.enrol(second)] if apart else studio.enrol(first, second)
    assert codes(results) == [("accepted", None), ("rejected", "near_duplicate")]
    assert "ref0" in str(results[1].detail)


def test_one_far_hash_or_another_expression_is_no_near_duplicate(studio: Studio) -> None:
    face, like = studio.world.unit(), studio.world.vectors()
    other_hash = {**like, studio.world.dhash: studio.world.code()}
    results = studio.enrol(
        studio.of("ada", "a.jpg", face, like=like),
        studio.of("ada", "b.jpg", studio.world.near(face, 0.1), like=other_hash),
        studio.of("ada", "c.jpg", studio.world.near(face, 0.7), like=like),
    )
    assert codes(results) == [("accepted", None)] * 3


@pytest.mark.parametrize("apart", [False, True])
def test_a_face_closer_to_another_talent_is_reported_not_silently_accepted(
    studio: Studio, apart: bool
) -> None:
    ada, bob = studio.world.unit(), studio.world.unit()
    roster = [
        studio.of("ada", "a.jpg", ada),
        studio.of("bob", "b.jpg", bob),
        studio.of("bob", "mix-up.jpg", studio.world.near(ada, 0.3)),
    ]
    results = [found for one in roster for found in studio.enrol(one)] if apart else studio.enrol(*roster)
    assert codes(results)[2] == ("rejected", "closer_to_another_talent")
    assert "ADA" in str(results[2].detail)
    assert len(studio.kept) == 2


def test_a_new_talent_who_is_there_already_under_another_name(studio: Studio) -> None:
    face = studio.world.unit()
    results = studio.enrol(
        studio.of("ada", "a.jpg", face), studio.of("alias", "b.jpg", studio.world.near(face, 0.3))
    )
    assert codes(results)[1] == ("rejected", "closer_to_another_talent")


def test_twins_are_no_mix_up_when_each_is_nearer_to_the_own_references(studio: Studio) -> None:
    ada = studio.world.unit()
    twin = studio.world.near(ada, 0.8)
    results = studio.enrol(
        studio.of("ada", "a.jpg", ada),
        studio.of("eve", "b.jpg", twin, confirmed=True),
        studio.of("eve", "c.jpg", studio.world.near(twin, 0.2)),
    )
    assert codes(results)[2] == ("accepted", None)


@pytest.mark.parametrize("apart", [False, True])
def test_a_face_unlike_the_own_references_is_inconsistent(studio: Studio, apart: bool) -> None:
    one, other = np.eye(32, dtype=np.float32)[:2]
    roster = [studio.of("ada", "a.jpg", one), studio.of("ada", "b.jpg", other)]
    results = [found for each in roster for found in studio.enrol(each)] if apart else studio.enrol(*roster)
    assert codes(results) == [("accepted", None), ("rejected", "inconsistent")]


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        (0.09, ("rejected", "inconsistent")),
        (0.11, ("accepted", "unlike_references")),
        (0.31, ("accepted", None)),
    ],
)
def test_the_less_it_is_like_the_own_references_the_more_is_said(
    studio: Studio, similarity: float, expected: tuple[str, str | None]
) -> None:
    one, other = np.eye(32, dtype=np.float32)[:2]
    face = similarity * one + np.float32((1 - similarity**2) ** 0.5) * other
    results = studio.enrol(studio.of("ada", "a.jpg", one), studio.of("ada", "b.jpg", face.astype(np.float32)))
    assert codes(results)[1] == expected


def test_what_a_person_confirmed_is_taken_and_the_code_is_kept(studio: Studio) -> None:
    one, other = np.eye(32, dtype=np.float32)[:2]
    results = studio.enrol(
        studio.of("ada", "a.jpg", one),
        studio.of("ada", "b.jpg", other, confirmed=True),
        studio.of("bob", "c.jpg", studio.world.near(one, 0.2), confirmed=True),
    )
    assert codes(results) == [
        ("accepted", None),
        ("accepted", "inconsistent"),
        ("accepted", "closer_to_another_talent"),
    ]
    assert results[2].reference_id == "ref2"


def test_what_the_store_refuses_is_a_rejected_row(studio: Studio) -> None:
    results = studio.enrol(
        studio.of("erased", "a.jpg", studio.world.unit()), studio.of("bob", "b.jpg", studio.world.unit())
    )
    assert codes(results) == [("rejected", "conflict"), ("accepted", None)]


def test_many_rows_go_through_the_networks_in_batches_and_stay_in_order(studio: Studio) -> None:
    count = 2 * BATCH + 3
    roster = [studio.of(f"t{n}", f"{n}.jpg", studio.world.unit()) for n in range(count)]
    results = studio.enrol(*roster)
    assert [result.image for result in results] == [f"{n}.jpg" for n in range(count)]
    assert studio.batches == [BATCH, BATCH, 3]
    assert studio.registry.registry_size >= 2 * BATCH


def test_a_picture_that_the_batch_before_accepted_is_known(studio: Studio) -> None:
    """The networks look at a batch before the answers to the one ahead of it are there."""
    first = [studio.of(f"t{n}", f"{n}.jpg", studio.world.unit()) for n in range(BATCH)]
    results = list(studio.enroller().enrol([*first, first[0], first[BATCH - 1]], AT))
    assert [result.status for result in results[:BATCH]] == [Status.ACCEPTED] * BATCH
    assert [(result.status, result.code) for result in results[BATCH:]] == [
        (Status.UNCHANGED, "duplicate_picture")
    ] * 2
    assert len(studio.kept) == BATCH


def test_a_result_is_given_out_after_its_reference_was_kept_and_rows_are_drawn_lazily(studio: Studio) -> None:
    drawn = []

    def roster() -> Any:
        for n in range(3 * BATCH):
            drawn.append(n)
            yield studio.of(f"t{n}", f"{n}.jpg", studio.world.unit())

    for number, result in enumerate(studio.enroller().enrol(roster(), AT)):
        assert result.reference_id in studio.kept
        assert len(studio.kept) == number + 1
        assert len(drawn) <= number + 2 * BATCH


def test_decoding_runs_through_the_map_that_was_given(studio: Studio) -> None:
    mapped = []

    def counting(function: Any, rows: Any) -> Any:
        mapped.extend(rows := list(rows))
        return [function(row) for row in rows]

    ports = EnrolmentPorts(studio.decode, studio, studio.registry, studio, studio.policy, counting)
    requests = [studio.of("ada", "a.jpg", studio.world.unit()), studio.request("b", "b", lambda: b"broken")]
    assert codes(list(Enroller(ports).enrol(requests, AT))) == [("accepted", None), ("rejected", "truncated")]
    assert len(mapped) == 2


def test_without_face_networks_nobody_can_be_enrolled(world: Any) -> None:
    made_by = SignalSet(None, None, (world.phash,), {SignalKind.FACE: "sface.onnx is missing"})
    with pytest.raises(WeightsError, match=r"sface\.onnx is missing"):
        Studio(world, made_by).enroller()


def test_pictures_and_vectors_are_in_no_repr(studio: Studio) -> None:
    studio.enrol(studio.of("ada", "secret-bytes", studio.world.unit()))
    shown = repr(studio.kept["ref0"]) + repr(studio.enrol(studio.of("ada", "x.jpg")))
    assert "array(" not in shown
    assert "b'secret" not in shown


def test_every_code_is_documented() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "index.md").read_text("utf-8")
    assert [code for code in CODES if f"`{code}`" not in documented] == []
    assert set(CODES) >= OVERRIDABLE
