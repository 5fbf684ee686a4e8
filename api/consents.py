"""Consent records from the command line: a file or options to a document, a record to what is shown of it.

Options and file write the same document; an option wins over the file's value. Validation is
`detector.record.parse_record`'s alone: it names every fault at once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.record import DEFECTS, WARNINGS, ConsentRecord, defects, status, warnings

Document = dict[str, Any]

LISTS = frozenset(
    {
        "grantee.affiliates",
        "grantee.processors",
        "grantee.domains",
        "scope.assets",
        "scope.campaigns",
        "scope.products",
        "scope.media",
        "scope.alterations",
        "territory.include",
        "territory.exclude",
        "ai.tools",
        "ai.digital_source_types",
    }
)
"""Terms that are lists; an option gives them with commas between. The one word `any` stays a word."""


def new_consent_id() -> str:
    return f"con_{secrets.token_hex(8)}"


def read_document(path: Path) -> Document:
    """The mapping that a TOML or JSON file writes. Raises UsageError."""
    readers = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path} is neither a .toml nor a .json file")
    try:
        document = reader(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(document, dict):
        raise UsageError(f"{path} must hold one consent record, a table of its terms")
    return document


def with_terms(document: Document, terms: Mapping[str, Any]) -> Document:
    """The document with these dotted terms set (`grantee.client`); None sets nothing."""
    merged: Document = {name: _copied(value) for name, value in document.items()}
    for path, value in terms.items():
        if value is None:
            continue
        group, _, name = path.rpartition(".")
        target = merged.setdefault(group, {}) if group else merged
        if not isinstance(target, dict):
            raise UsageError(f"the record's `{group}` is no table, so `{path}` can't be set in it")
        target[name] = _listed(path, value)
    return merged


def document_of(file: Path | None, terms: Mapping[str, Any], paper: Path | None) -> Document:
    """The record's document from a file, terms and the signed paper. Raises UsageError."""
    document = with_terms(read_document(file) if file else {}, terms)
    if paper is not None:
        digest = {"form.document": paper.name, "form.document_sha256": digest_of(paper)}
        document = with_terms(document, digest)
    if not document:
        raise UsageError("nothing to record: give a file, or options (see --help)")
    return document if file else _with_usual(document)


def _with_usual(document: Document) -> Document:
    """What options leave out where it goes without saying; a file must say who signed, and in which time zone."""
    usual = {"grantor.role": "self", "duration.timezone": "UTC" if "duration" in document else None}
    return with_terms(document, {path: value for path, value in usual.items() if not _says(document, path)})


def _says(document: Document, path: str) -> bool:
    group, _, name = path.partition(".")
    return isinstance(document.get(group), dict) and name in document[group]


def digest_of(paper: Path) -> str:
    """SHA-256 of a signed document, in hex. Raises UsageError when it can't be read."""
    try:
        with paper.open("rb") as body:
            return hashlib.file_digest(body, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"the document {paper} can't be read: {error.strerror}") from error


def parse_terms(pairs: Iterable[str]) -> dict[str, Any]:
    """`group.name=value` pairs to terms; true, false and whole numbers count as such. Raises UsageError."""
    terms = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not (equals and path.strip()):
            raise UsageError(f"--set {pair!r} is not of the form group.term=value, such as pay.unit=flat")
        terms[path.strip()] = _scalar(text.strip())
    return terms


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


def _listed(path: str, value: Any) -> Any:
    if path not in LISTS or not isinstance(value, str) or value.strip().lower() == "any":
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def _scalar(text: str) -> Any:
    flags = {"true": True, "false": False}
    return flags.get(text.lower(), int(text) if text.isdecimal() else text)


def summary(record: ConsentRecord, at: datetime, *, superseded: bool = False) -> dict[str, Any]:
    """What a list shows of one record, with its status as of `at`."""
    found, doubtful = defects(record), warnings(record)
    return {
        "consent_id": record.consent_id,
        "version": record.version,
        "kind": str(record.kind),
        "client": record.grantee.client if record.grantee else None,
        "status": str(status(record, at, superseded)),
        "from": _text(record.starts_at),
        "to": _text(record.ends_at),
        "defects": list(found),
        "warnings": list(doubtful),
        "remarks": [
            *(f"defective, counts as no consent: {DEFECTS[code]} [{code}]" for code in found),
            *(f"note: {WARNINGS[code]} [{code}]" for code in doubtful),
        ],
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
