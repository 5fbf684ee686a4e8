"""How a picture was made, by who says so: pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.credentials.claims import (
    Action,
    Credentials,
    Ingredient,
    Manifest,
    ManifestState,
    Signer,
    SourceClaim,
    Standing,
)
from detector.credentials.metadata import Metadata
from detector.credentials.reading import credentials_of
from detector.matches import CopyClass
from detector.origin import Origin, class_of_term, declared_by_file, origin_of, proven_use
from detector.use import SyntheticClass, Use

GENERATED, EDITED = SyntheticClass.AI_GENERATED, SyntheticClass.AI_EDITED
CAPTURED, UNKNOWN = SyntheticClass.CAPTURED, SyntheticClass.UNKNOWN

claims = st.builds(
    SourceClaim,
    st.sampled_from(SyntheticClass),
    st.just("field"),
    st.just("term"),
    st.sampled_from(Standing),
    st.booleans(),
)
uses = st.builds(
    Use,
    declared_ai=st.sampled_from([None, True, False]),
    labelled_ai=st.sampled_from([None, True, False]),
    digital_source_type=st.sampled_from([None, "digitalCapture", "trainedAlgorithmicMedia"]),
)


def manifest(state: ManifestState = ManifestState.VALID, *, trusted: bool = True, **says: object) -> Manifest:
    return Manifest(state, Signer("Camera", None, None, None, trusted), **says)  # type: ignore[arg-type] # any field


def claiming(made: SyntheticClass, standing: Standing, *, explicit: bool = True) -> Credentials:
    return Credentials(claims=(SourceClaim(made, "field", "term", standing, explicit),))


@pytest.mark.parametrize(
    ("term", "made"),
    [
        ("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia", GENERATED),
        ("compositeWithTrainedAlgorithmicMedia/", EDITED),
        ("digitalCapture", CAPTURED),
        ("computationalCapture", CAPTURED),
        ("algorithmicallyEnhanced", UNKNOWN),
        ("screenCapture", UNKNOWN),
        ("digitalCreation", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_what_the_terms_of_iptc_say(term: str, made: SyntheticClass) -> None:
    assert class_of_term(term) is made


def test_nobody_claims_anything_and_nothing_follows() -> None:
    assert origin_of(Use(), None) == Origin(UNKNOWN, "")
    assert origin_of(Use(), Credentials()) == Origin(UNKNOWN, "")


@pytest.mark.parametrize("standing", Standing)
def test_a_claim_of_ai_counts_wherever_it_stands_and_says_where(standing: Standing) -> None:
    origin = origin_of(Use(declared_ai=False), claiming(GENERATED, standing))
    assert origin == Origin(GENERATED, f"declared by the file: field (term, {standing})")


@pytest.mark.parametrize(
    ("standing", "made"),
    [
        (Standing.TRUSTED, CAPTURED),
        (Standing.UNTRUSTED, UNKNOWN),
        (Standing.INVALID, UNKNOWN),
        (Standing.UNSIGNED, UNKNOWN),
    ],
)
def test_a_claim_of_capture_counts_only_from_a_trusted_signer(
    standing: Standing, made: SyntheticClass
) -> None:
    assert origin_of(Use(), claiming(CAPTURED, standing)).made is made


@given(uses, st.lists(claims, max_size=4), st.sampled_from([None, *CopyClass]))
def test_the_file_never_takes_a_claim_of_ai_back(
    use: Use, made: list[SourceClaim], copy_class: CopyClass | None
) -> None:
    ranks = [UNKNOWN, CAPTURED, EDITED, GENERATED]
    alone = origin_of(use, None, copy_class).made
    together = origin_of(use, Credentials(claims=tuple(made)), copy_class).made
    assert ranks.index(together) >= ranks.index(alone)


@given(uses, st.lists(claims, max_size=4))
def test_what_the_file_says_of_an_unedited_reference_is_not_held_against_it(
    use: Use, made: list[SourceClaim]
) -> None:
    says = Credentials(claims=tuple(made))
    for itself in (CopyClass.EXACT, CopyClass.REENCODED):
        assert origin_of(use, says, itself) == origin_of(use, None, itself)
        assert origin_of(use, says, beside=[itself]) == origin_of(use, None)


def test_a_generators_trace_in_a_copy_is_an_edit() -> None:
    trace = claiming(GENERATED, Standing.UNSIGNED, explicit=False)
    assert origin_of(Use(), trace, CopyClass.CROPPED).made is EDITED
    assert origin_of(Use(), trace).made is GENERATED


@pytest.mark.parametrize(
    ("relationship", "made"), [("parentOf", GENERATED), ("componentOf", EDITED), ("inputTo", UNKNOWN)]
)
def test_what_was_generated_stays_so_in_what_is_made_of_it(relationship: str, made: SyntheticClass) -> None:
    ingredient = Ingredient("x", relationship, (Action("c2pa.created", "trainedAlgorithmicMedia"),))
    found = credentials_of(manifest(ingredients=(ingredient,)), Metadata())
    assert declared_by_file(found).made is made


@pytest.mark.parametrize(
    ("way", "made"),
    [
        (("parentOf", "parentOf"), GENERATED),
        (("parentOf", "componentOf"), EDITED),
        (("componentOf", "parentOf"), EDITED),
        (("inputTo", "parentOf"), UNKNOWN),
        (("parentOf", "inputTo"), UNKNOWN),
    ],
)
def test_it_stays_so_through_every_step_in_between(way: tuple[str, str], made: SyntheticClass) -> None:
    steps = (
        Ingredient("step", way[0]),
        Ingredient("first", way[1], (Action("c2pa.created", "trainedAlgorithmicMedia"),), within=0),
    )
    assert declared_by_file(credentials_of(manifest(ingredients=steps), Metadata())).made is made


def test_captured_and_generated_at_once_is_a_notice() -> None:
    says = manifest(actions=(Action("c2pa.created", "digitalCapture"),))
    metadata = Metadata(xmp={"Iptc4xmpExt:DigitalSourceType": ("trainedAlgorithmicMedia",)})
    found = credentials_of(says, metadata)
    assert "claims_disagree" in [notice.code for notice in found.notices]
    assert declared_by_file(found).made is GENERATED


# What the file proves of the use


def test_a_trusted_manifest_fills_in_and_corrects_the_use() -> None:
    action = Action("c2pa.created", "trainedAlgorithmicMedia", "Dreamer 3")
    found = credentials_of(manifest(actions=(action,)), Metadata())
    claimed = Use(client="Acme", digital_source_type="digitalCapture", tool="Pencil", has_c2pa=False)
    proven = proven_use(claimed, found)
    assert proven == Use(
        client="Acme", digital_source_type="trainedAlgorithmicMedia", tool="Dreamer 3", has_c2pa=True
    )


@pytest.mark.parametrize(
    ("says", "claimed", "has_c2pa"),
    [
        (manifest(), None, True),
        (manifest(trusted=False), None, None),
        (manifest(trusted=False), True, None),
        (manifest(ManifestState.INVALID), True, False),
        (manifest(ManifestState.INVALID), None, False),
        (manifest(ManifestState.UNREADABLE), True, False),
        (manifest(ManifestState.NOT_FETCHED), True, None),
        (None, True, None),
        (None, None, None),
        (None, False, False),
    ],
)
def test_credentials_are_there_only_if_they_hold_and_are_trusted(
    says: Manifest | None, claimed: bool | None, has_c2pa: bool | None
) -> None:
    assert proven_use(Use(has_c2pa=claimed), Credentials(manifest=says)).has_c2pa is has_c2pa


@given(uses, st.lists(claims, max_size=4), st.sampled_from(ManifestState))
def test_a_manifest_that_is_not_trusted_proves_no_term(
    use: Use, made: list[SourceClaim], state: ManifestState
) -> None:
    says = Credentials(manifest(state, trusted=False, generator="Anything"), claims=tuple(made))
    proven = proven_use(use, says)
    assert (proven.digital_source_type, proven.tool) == (use.digital_source_type, use.tool)


def test_nobody_asked_the_file() -> None:
    assert proven_use(Use(has_c2pa=True), None) == Use(has_c2pa=True)
