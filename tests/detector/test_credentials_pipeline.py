"""What the file says of itself, from its bytes to the verdict: real manifests and rules, small fakes at the ports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from detector.credentials.manifests import ManifestReader
from detector.credentials.reading import CredentialReader
from detector.credentials.trust import TrustList
from detector.decision import Verdict
from detector.decoding import DecodeLimits, decode
from detector.finding import Finding, to_row
from detector.imagery import DecodedImage
from detector.pipeline import Detector, DetectorPorts, Submission
from detector.record import ConsentRecord, parse_record
from detector.signals import Signals
from detector.use import Medium, Use
from tests.detector.test_pipeline import (
    AT,
    MADE_BY,
    FakeBook,
    FakeSearch,
    biometric,
    candidate,
    face,
    policy,
)
from tests.signing import Authority, Says, created, drawn, png_with, signed, tampered

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "finding.schema.json").read_text("utf-8"))
USE = Use("Acme", "campaign", Medium.ECOMMERCE, "US", AT, AT, AT)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@dataclass
class OneFace:
    """Finds one face in the picture of each submission, none in the pictures of its ingredients."""

    submitted: Sequence[str]
    made_by: Any = MADE_BY

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        return [
            Signals((face(1),) if image.sha256 in self.submitted else (), None, {}, MADE_BY)
            for image in images
        ]


def consent(kind: str, **terms: Any) -> ConsentRecord:
    """One that covers USE, with these terms in place of its own."""
    record = {
        "consent_id": kind,
        "kind": kind,
        "grantor": {"role": "self"},
        "grantee": {"client": "Acme"},
        "scope": dict.fromkeys(("assets", "campaigns", "products", "media", "alterations"), "any"),
        "purpose": {"code": "campaign", "description": "pictures of the autumn campaign in the shop"},
        "pay": {"amount": "100", "currency": "USD", "unit": "flat"},
        "duration": {"valid_from": "2026-01-01", "valid_to": "2026-12-31", "timezone": "UTC"},
        "territory": {"include": ["US"]},
        "form": {"signed_at": "2025-12-01T00:00:00Z", "separate": True, "conspicuous": True},
    }
    return parse_record({**record, **terms}, talent_id="ana")


def check(
    data: bytes,
    *records: ConsentRecord,
    authority: Authority | None = None,
    use: Use = USE,
    files: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    matched: bool = True,
) -> Finding:
    trust = TrustList(authority.pem, 1) if authority else None
    book = FakeBook({"ana": [biometric("ana"), *records]}, files=files or {})
    ports = DetectorPorts(
        decode=lambda data, *, source: decode(data, DecodeLimits(), source=source),
        extractor=OneFace([hashlib.sha256(data).hexdigest()]),
        search=FakeSearch({1: (candidate("ana", 0.8),)} if matched else {}),
        book=book,
        files=book,
        policy=policy,
        clock=lambda: AT,
        credentials=CredentialReader(ManifestReader(trust)),
    )
    (finding,) = Detector(ports).detect([Submission("x", data, use)], AT)
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(to_row(finding, {}))))
    return finding


def verdict(finding: Finding) -> tuple[Verdict, str | None]:
    assert finding.decision is not None
    return finding.decision.verdict, finding.decision.qualifier


def said(finding: Finding) -> str:
    assert finding.decision is not None
    return " ".join(reason.detail for reason in finding.decision.reasons)


def test_absence_accuses_nobody() -> None:
    """The same verdict, for the same reasons, as from a detector that asks no file."""
    both = (consent("photo_use"), consent("replica_use"), consent("replica_create"))
    plain = check(drawn(), *both)
    assert verdict(plain) == (Verdict.AUTHORISED, None)
    assert plain.credentials is not None
    assert plain.credentials.notices == ()


def test_a_declared_generated_picture_is_judged_as_a_replica_and_says_who_declared_it(
    authority: Authority,
) -> None:
    data = signed(drawn(), Says((created("trainedAlgorithmicMedia", "Dreamer"),)), authority.signer())
    licensed = check(data, consent("photo_use"))
    assert verdict(licensed) == (Verdict.NO_CONSENT, "photo_licence_only")
    assert "declared by the file: C2PA action c2pa.created by Dreamer" in said(licensed)
    assert "untrusted" in said(licensed)
    trusted = check(data, consent("photo_use"), authority=authority)
    assert "declared by the file: C2PA action c2pa.created by Dreamer" in said(trusted)


def test_a_generators_trace_is_enough_to_ask_for_a_replicas_consent() -> None:
    data = png_with(parameters="a coat\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 4")
    finding = check(data, consent("photo_use"), use=Use("Acme", declared_ai=None))
    assert verdict(finding) == (Verdict.NO_CONSENT, "photo_licence_only")
    assert "PNG parameters" in said(finding)


def test_a_capture_counts_as_one_only_from_a_trusted_signer(authority: Authority) -> None:
    data = signed(drawn(), Says((created("digitalCapture"),)), authority.signer())
    trusted = check(data, consent("photo_use"), authority=authority)
    assert verdict(trusted) == (Verdict.AUTHORISED, None)
    unknown = check(data, consent("photo_use"))
    assert unknown.decision is not None
    assert unknown.decision.verdict is Verdict.NO_CONSENT, "nobody vouches that it is no replica"


def test_an_invalid_manifest_is_a_finding_of_its_own_even_of_a_picture_of_nobody(
    authority: Authority,
) -> None:
    data = tampered(signed(drawn(), Says(), authority.signer()))
    finding = check(data, authority=authority, matched=False)
    assert verdict(finding) == (Verdict.NO_MATCH, None), "it says nothing of a talent"
    assert finding.credentials is not None
    assert [notice.code for notice in finding.credentials.notices] == ["manifest_invalid"]
    assert "assertion.dataHash.mismatch" in finding.credentials.notices[0].detail


def test_a_required_manifest_is_there_only_if_it_holds_and_is_trusted(authority: Authority) -> None:
    required = consent("replica_use", ai={"generation": True, "c2pa_required": True})
    made = consent("replica_create")
    data = signed(drawn(), Says((created("trainedAlgorithmicMedia"),)), authority.signer())
    for picture, trust, expected in (
        (data, authority, (Verdict.AUTHORISED, None)),
        (data, None, (Verdict.AUTHORISED_WITH_DEFECT, "disclosure_unproven")),
        (tampered(data), authority, (Verdict.AUTHORISED_WITH_DEFECT, "disclosure_missing")),
    ):
        assert verdict(check(picture, required, made, authority=trust)) == expected


def test_a_trusted_manifest_that_no_consent_names_authorises_nothing(authority: Authority) -> None:
    data = signed(drawn(), Says((created("trainedAlgorithmicMedia"),)), authority.signer())
    assert verdict(check(data, authority=authority))[0] is Verdict.NO_CONSENT
    other = {"generation": True, "digital_source_types": ["compositeWithTrainedAlgorithmicMedia"]}
    limited = check(
        data, consent("replica_use", ai=other), consent("replica_create", ai=other), authority=authority
    )
    assert verdict(limited)[0] is Verdict.OUT_OF_SCOPE
    assert "digital_source_type" in said(limited)


# Ingredients


def generated_from(reference: bytes, authority: Authority) -> tuple[bytes, str]:
    """A picture generated from a reference, and the digest of the picture of it that the manifest holds."""
    says = Says((created("trainedAlgorithmicMedia"),), (("her.jpg", "inputTo", reference),))
    data = signed(drawn(), says, authority.signer())
    manifest = ManifestReader().read(data)
    assert manifest is not None
    held = manifest.ingredients[0].picture
    assert held is not None
    return data, hashlib.sha256(held).hexdigest()


def test_a_reference_among_the_ingredients_of_a_generated_picture_is_a_replica_of_its_talent(
    authority: Authority,
) -> None:
    """Even where the picture itself looks like nobody."""
    data, held = generated_from(drawn(5), authority)
    finding = check(data, consent("photo_use"), files={held: [("ana", "ref_1")]}, matched=False)
    (ingredient,) = finding.ingredients
    assert (ingredient.match.reference_id, ingredient.ingredient.relationship) == ("ref_1", "inputTo")
    assert verdict(finding) == (Verdict.NO_CONSENT, "photo_licence_only")
    assert "made from reference ref_1" in said(finding)
    row = to_row(finding, {"ana": "AG-17"})
    assert row["ingredients"][0]["talent_ref"] == "AG-17"
    assert row["credentials"]["c2pa"]["ingredients"][0]["has_picture"] is True
    assert finding.talent_ids == {"ana"}
    assert finding.credentials is not None
    assert finding.credentials.manifest is not None
    assert finding.credentials.manifest.ingredients[0].picture is None, "a finding holds no pixel"


def test_the_same_with_the_consents_that_a_replica_needs(authority: Authority) -> None:
    data, held = generated_from(drawn(5), authority)
    granted = (consent("replica_use"), consent("replica_create"))
    finding = check(data, *granted, files={held: [("ana", "ref_1")]}, matched=False)
    assert verdict(finding) == (Verdict.AUTHORISED, None)


def test_an_ingredient_of_nobody_is_not_reported(authority: Authority) -> None:
    data, _ = generated_from(drawn(5), authority)
    finding = check(data, matched=False)
    assert finding.ingredients == ()
    assert verdict(finding)[0] is Verdict.NO_MATCH


def test_an_ingredient_of_a_photograph_is_no_replica(authority: Authority) -> None:
    says = Says((created("digitalCapture"),), (("her.jpg", "componentOf", drawn(5)),))
    data = signed(drawn(), says, authority.signer())
    manifest = ManifestReader().read(data)
    assert manifest is not None
    held = hashlib.sha256(manifest.ingredients[0].picture or b"").hexdigest()
    assert check(data, files={held: [("ana", "ref_1")]}, matched=False).ingredients == ()


def test_a_talent_who_may_not_be_found_is_not_found_among_ingredients_either(authority: Authority) -> None:
    data, held = generated_from(drawn(5), authority)
    finding = check(data, files={held: [("bea", "ref_9")]}, matched=False)
    assert finding.ingredients == ()


def test_a_batch_keeps_its_order_with_and_without_ingredients(authority: Authority) -> None:
    data, held = generated_from(drawn(5), authority)
    book = FakeBook({"ana": [biometric("ana")]}, files={held: [("ana", "ref_1")]})
    ports = DetectorPorts(
        decode=lambda data, *, source: decode(data, DecodeLimits(), source=source),
        extractor=OneFace([]),
        search=FakeSearch({}),
        book=book,
        files=book,
        policy=policy,
        clock=lambda: AT,
        credentials=CredentialReader(),
    )
    batch = [Submission(str(at), each) for at, each in enumerate([drawn(1), data, b"broken", data, drawn(2)])]
    found = Detector(ports).detect(batch, AT)
    assert [one.source for one in found] == ["0", "1", "2", "3", "4"]
    assert [len(one.ingredients) for one in found] == [0, 1, 0, 1, 0]
    assert [one.credentials is None for one in found] == [False, False, True, False, False]
