"""docs/consent.md names every code that a decision can utter, every field of a record, and examples that are records."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from detector.decision import Severity, Verdict
from detector.matches import Doubt
from detector.reasons import REASON_CODES, Qualifier
from detector.record import WARNINGS, ConsentRecord, ConsentStatus, defects, parse_record, warnings
from detector.terms import ConsentKind, GrantorRole, PayUnit, Renewal
from detector.use import Medium

DOC = (Path(__file__).parents[2] / "docs" / "consent.md").read_text("utf-8")
NAMED = {name for span in re.findall(r"`([^`\n]+)`", DOC) for name in re.split(r"[:\s]+", span)}
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL)
ENUMS = (
    Verdict,
    Severity,
    Qualifier,
    Doubt,
    ConsentStatus,
    ConsentKind,
    GrantorRole,
    PayUnit,
    Renewal,
    Medium,
)


@pytest.mark.parametrize(
    "code", sorted({*REASON_CODES, *WARNINGS, *(word for enum in ENUMS for word in enum)})
)
def test_every_code_is_named(code: str) -> None:
    assert code in NAMED


def fields_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Dotted paths of the fields; exclusions are told in one line."""
    paths: set[str] = set()
    for name, field in model.model_fields.items():
        kinds = [
            kind
            for kind in (field.annotation, *getattr(field.annotation, "__args__", ()))
            if isinstance(kind, type)
        ]
        groups = [kind for kind in kinds if issubclass(kind, BaseModel)]
        inner = groups and name != "exclusions"
        paths |= fields_of(groups[0], f"{prefix}{name}.") if inner else {f"{prefix}{name}"}
    return paths


def test_every_field_is_named() -> None:
    assert fields_of(ConsentRecord) - NAMED == set()


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_are_sound_records(text: str) -> None:
    record = parse_record(tomllib.loads(text), talent_id="T", consent_id="C")
    assert (defects(record), warnings(record)) == ((), ())


def test_there_is_an_example_of_each_main_kind() -> None:
    assert [tomllib.loads(text)["kind"] for text in EXAMPLES] == [
        "photo_use",
        "replica_use",
        "biometric_enrolment",
    ]
