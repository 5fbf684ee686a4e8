"""Rows as a check writes them, made of chosen verdicts: for tests of what is done with rows."""

from __future__ import annotations

import hashlib
from typing import Any

from detector.decision import Severity, Verdict
from detector.finding import Row

SIGNAL = "face/sface/2021dec/112"
_HASH = "0" * 64


def decision(talent: str | None, verdict: str = "no_consent", severity: str = "high") -> Row:
    return {
        "verdict": verdict,
        "qualifier": None,
        "severity": severity,
        "row": 19,
        "talent": talent,
        "reasons": [{"code": "nothing_on_record", "detail": "Nothing is on record."}],
        "consents": [],
        "inputs_sha256": _HASH,
        "signal": SIGNAL,
        "threshold": 7.5,
    }


def face(talent: str | None, *others: str, verdict: str = "no_consent", severity: str = "high") -> Row:
    """A face given to `talent`, with `others` listed behind; None: nobody registered."""
    judged = decision(talent, verdict, severity) if talent else decision(None, "no_match", "none")
    box = {"x": 10.0, "y": 10.0, "width": 30.0, "height": 40.0}
    return {
        "box": box,
        "box_normalised": {name: value / 100 for name, value in box.items()},
        "detection_score": 0.93,
        "quality": {
            "score": 0.8,
            "pixels": 40.0,
            "sharpness": 90.0,
            "yaw": 0.0,
            "usable": True,
            "faults": [],
        },
        "candidates": [_candidate(name) for name in (talent, *others) if name],
        "talent": talent,
        "margin": None,
        "decision": judged,
    }


def _candidate(talent: str) -> Row:
    return {
        "talent": talent,
        "talent_ref": f"R-{talent}",
        "reference": f"ref_of_{talent}",
        "similarity": 0.61,
        "strength": 9.5,
        "band": "match",
    }


def copy(talent: str, verdict: str = "no_consent", severity: str = "high") -> Row:
    return {
        **_candidate(talent),
        "signal": "image/sscd/1/160",
        "copy_class": "exact",
        "proof": None,
        "decision": decision(talent, verdict, severity),
    }


def ingredient(talent: str, verdict: str = "no_consent", severity: str = "high") -> Row:
    """A reference of `talent` that the file says it was made from."""
    return {
        **_candidate(talent),
        "place": 0,
        "title": "original.jpg",
        "relationship": "inputTo",
        "signal": "image/sscd/1/160",
        "decision": decision(talent, verdict, severity),
    }


def row(
    *faces: Row,
    copies: tuple[Row, ...] = (),
    ingredients: tuple[Row, ...] = (),
    picture: bytes = b"picture",
    **changes: Any,
) -> Row:
    """One checked picture with these faces, copies and ingredients; its verdict is the gravest of theirs."""
    decisions = [part["decision"] for part in (*copies, *ingredients, *faces)]
    decisions = decisions or [decision(None, "not_applicable", "none")]
    gravest = max(decisions, key=lambda one: (Severity(one["severity"]).rank, Verdict(one["verdict"]).rank))
    made: Row = {
        "source": "/shop/dress-1.jpg",
        "sha256": hashlib.sha256(picture).hexdigest(),
        "use": {"client": "Acme", "medium": "ecommerce"},
        "status": "ok",
        "error": None,
        "width": 100,
        "height": 100,
        "faces": list(faces),
        "copies": list(copies),
        "ingredients": list(ingredients),
        "credentials": None,
        "verdict": gravest["verdict"],
        "severity": gravest["severity"],
        "decision": gravest,
        "threshold_applied": {SIGNAL: 7.5},
        "signals": {"face": SIGNAL, "image": None, "hashes": [], "absent": {"image": "is off"}},
        "as_of": "2026-03-01T12:00:00+00:00",
    }
    return made | changes
