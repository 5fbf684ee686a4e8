"""Findings: what one check of one picture came to, and the row it is written as.

A finding joins a picture's faces and copies with the decision on each. It holds no vector, no crop and no pixel, so it
can be stored, printed and sent. `to_row` is the one place where the JSON row of docs/finding.schema.json is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from detector.credentials.claims import Credentials, Ingredient
from detector.credentials.rows import credentials_row
from detector.decision import Considered, Decision, Reason, Severity, Verdict
from detector.errors import InputError
from detector.inputs import inputs_row
from detector.matches import CopyMatch, FaceMatch, ScoredCandidate
from detector.proofs import Polygon, Proof
from detector.signals import Box, Face, FaceQuality, SignalSet
from detector.use import Use

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FaceFinding:
    """One face, what it matched, and the decision on it. `listed` are the candidates that are reported."""

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detection_score: float
    quality: FaceQuality
    match: FaceMatch
    listed: tuple[ScoredCandidate, ...]
    decision: Decision

    @classmethod
    def of(
        cls, face: Face, match: FaceMatch, listed: tuple[ScoredCandidate, ...], decision: Decision
    ) -> FaceFinding:
        return cls(face.box, face.landmarks, face.detection_score, face.quality, match, listed, decision)


@dataclass(frozen=True, slots=True)
class CopyFinding:
    """One reference that the picture copies, and the decision on it."""

    match: CopyMatch
    decision: Decision


@dataclass(frozen=True, slots=True)
class IngredientFinding:
    """One registered reference that the file says it was made from, by AI, and the decision on it. `place`: of the
    ingredient in the manifest. `match`: how the manifest's picture of the ingredient copies the reference."""

    place: int
    ingredient: Ingredient
    match: CopyMatch
    decision: Decision


@dataclass(frozen=True, slots=True)
class Finding:
    """One picture's result. `error` set means the picture could not be checked; then there is no decision."""

    source: str
    sha256: str | None
    use: Use
    as_of: datetime
    signals: SignalSet
    error: InputError | None = None
    width: int | None = None
    height: int | None = None
    faces: tuple[FaceFinding, ...] = ()
    copies: tuple[CopyFinding, ...] = ()
    ingredients: tuple[IngredientFinding, ...] = ()
    credentials: Credentials | None = None
    decision: Decision | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict | None:
        return self.decision.verdict if self.decision else None

    @property
    def severity(self) -> Severity | None:
        return self.decision.severity if self.decision else None

    @property
    def talent_ids(self) -> frozenset[str]:
        """Every talent named anywhere in the finding."""
        listed = {candidate.talent_id for face in self.faces for candidate in face.listed}
        copied = {copy.match.talent_id for copy in self.copies}
        made_from = {ingredient.match.talent_id for ingredient in self.ingredients}
        return frozenset(listed | copied | made_from)


def to_row(finding: Finding, refs: Mapping[str, str]) -> Row:
    """The JSON row. `refs` maps the talent ids of `finding.talent_ids` to the references their agencies use."""
    return {
        "source": finding.source,
        "sha256": finding.sha256,
        "use": _use_row(finding.use),
        "status": "error" if finding.error else "ok",
        "error": _error_row(finding.error),
        "width": finding.width,
        "height": finding.height,
        "faces": [_face_row(face, finding, refs) for face in finding.faces],
        "unsearched_faces": [
            {"face": place, "reasons": list(face.quality.faults)}
            for place, face in enumerate(finding.faces)
            if not face.quality.usable
        ],
        "copies": [_copy_row(copy, refs) for copy in finding.copies],
        "ingredients": [_ingredient_row(ingredient, refs) for ingredient in finding.ingredients],
        "credentials": credentials_row(finding.credentials) if finding.credentials else None,
        "verdict": finding.verdict,
        "severity": finding.severity,
        "decision": _decision_row(finding.decision) if finding.decision else None,
        "threshold_applied": {name: round(value, 4) for name, value in finding.thresholds.items()},
        "signals": _signals_row(finding.signals),
        "as_of": finding.as_of.isoformat(),
    }


def _use_row(use: Use) -> Row:
    """The use that was claimed, only what is known of it: a verdict means nothing without it."""
    claimed = {field.name: getattr(use, field.name) for field in fields(use)}
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in claimed.items()
        if value not in (None, ())
    }


def _error_row(error: InputError | None) -> Row | None:
    return {"code": error.code, "detail": error.detail} if error else None


def _face_row(face: FaceFinding, finding: Finding, refs: Mapping[str, str]) -> Row:
    normalised = face.box.normalised(finding.width or 1, finding.height or 1)
    return {
        "box": _box_row(face.box, 1),
        "box_normalised": _box_row(normalised, 5),
        "detection_score": round(face.detection_score, 4),
        "quality": _quality_row(face.quality),
        "candidates": [_candidate_row(candidate, refs) for candidate in face.listed],
        "talent": face.match.assigned.talent_id if face.match.assigned else None,
        "margin": None if face.match.margin is None else round(face.match.margin, 4),
        "decision": _decision_row(face.decision),
    }


def _box_row(box: Box, digits: int) -> Row:
    return {
        "x": round(box.x, digits),
        "y": round(box.y, digits),
        "width": round(box.width, digits),
        "height": round(box.height, digits),
    }


def _quality_row(quality: FaceQuality) -> Row:
    return {
        "score": round(quality.score, 4),
        "pixels": round(quality.pixels, 1),
        "sharpness": round(quality.sharpness, 2),
        "yaw": round(quality.yaw, 3),
        "usable": quality.usable,
        "faults": list(quality.faults),
    }


def _candidate_row(candidate: ScoredCandidate, refs: Mapping[str, str]) -> Row:
    return {
        "talent": candidate.talent_id,
        "talent_ref": refs.get(candidate.talent_id),
        "reference": candidate.reference_id,
        "similarity": round(candidate.similarity, 5),
        "strength": round(candidate.strength, 5),
        "band": candidate.band,
    }


def _copy_row(copy: CopyFinding, refs: Mapping[str, str]) -> Row:
    return {
        "talent": copy.match.talent_id,
        "talent_ref": refs.get(copy.match.talent_id),
        "reference": copy.match.reference_id,
        "signal": str(copy.match.signal),
        "similarity": round(copy.match.similarity, 5),
        "strength": round(copy.match.strength, 5),
        "band": copy.match.band,
        "copy_class": copy.match.copy_class,
        "proof": _proof_row(copy.match.proof) if copy.match.proof else None,
        "decision": _decision_row(copy.decision),
    }


def _ingredient_row(found: IngredientFinding, refs: Mapping[str, str]) -> Row:
    """A registered reference that the picture was made from: which ingredient of the manifest, and the decision."""
    return {
        "talent": found.match.talent_id,
        "talent_ref": refs.get(found.match.talent_id),
        "reference": found.match.reference_id,
        "place": found.place,
        "title": found.ingredient.title,
        "relationship": found.ingredient.relationship,
        "signal": str(found.match.signal),
        "similarity": round(found.match.similarity, 5),
        "strength": round(found.match.strength, 5),
        "band": found.match.band,
        "decision": _decision_row(found.decision),
    }


def _proof_row(proof: Proof) -> Row:
    """What lies over what: regions as corners in fractions of each picture, areas in percent of it."""
    return {
        "agreement": round(proof.agreement, 4),
        "face_agreement": None if proof.face_agreement is None else round(proof.face_agreement, 4),
        "inliers": proof.inliers,
        "mirrored": proof.mirrored,
        "rotation": round(proof.rotation, 1),
        "picture_region": _region_row(proof.query_region),
        "picture_percent": round(100 * proof.query_share, 1),
        "reference_region": _region_row(proof.reference_region),
        "reference_percent": round(100 * proof.reference_share, 1),
    }


def _region_row(region: Polygon) -> list[list[float]]:
    return [[round(x, 4), round(y, 4)] for x, y in region]


def _decision_row(decision: Decision) -> Row:
    """What somebody may act on also says from what it can be decided again."""
    again = decision.severity is not Severity.NONE and decision.inputs is not None
    inputs = {"inputs": inputs_row(decision.inputs)} if again and decision.inputs else {}
    return {
        "verdict": decision.verdict,
        "qualifier": decision.qualifier,
        "severity": decision.severity,
        "row": decision.row,
        "talent": decision.talent_id,
        "reasons": [_reason_row(reason) for reason in decision.reasons],
        "consents": [_considered_row(considered) for considered in decision.considered],
        "signal": decision.signal,
        "threshold": None if decision.threshold is None else round(decision.threshold, 4),
        "inputs_sha256": decision.inputs_sha256,
        **inputs,
    }


def _reason_row(reason: Reason) -> Row:
    return {"code": reason.code, "detail": reason.detail}


def _considered_row(considered: Considered) -> Row:
    return {
        "consent_id": considered.consent_id,
        "version": considered.version,
        "kind": considered.kind,
        "status": considered.status,
        "covers": considered.covers,
        "why": [_reason_row(reason) for reason in considered.why],
    }


def _signals_row(signals: SignalSet) -> Row:
    return {
        "face": str(signals.face) if signals.face else None,
        "image": str(signals.image) if signals.image else None,
        "hashes": [str(signal) for signal in signals.hashes],
        "absent": {str(kind): why for kind, why in signals.absent.items()},
    }
