"""Versions of a resource in headers: `ETag` when it is read, `If-Match` when it is changed."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from fastapi import Header, Response

from detector.errors import StaleVersion, VersionRequired

_TAG = re.compile(r'"v(\d{1,9})"')

IfMatch = Annotated[
    str | None, Header(description='The `ETag` of the version that the change was made against: `"v3"`.')
]


def tag(version: int) -> str:
    return f'"v{version}"'


def tagged(response: Response, version: int) -> None:
    """Say which version this is."""
    response.headers["ETag"] = tag(version)


def version_in(if_match: str | None) -> int:
    """The version that a change was made against. Raises VersionRequired, StaleVersion."""
    if not if_match:
        raise VersionRequired(
            "send If-Match with the ETag of the version you looked at, so that nobody's work is lost"
        )
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise StaleVersion(f"If-Match names no version of this; its form is {tag(3)}")
    return int(found.group(1))


def content_tag(*values: object) -> str:
    """The ETag of a resource that has no version number: of what it says."""
    return f'"h{hashlib.sha256(repr(values).encode()).hexdigest()[:16]}"'


def require_tag(if_match: str | None, current: str) -> None:
    """Raise VersionRequired, or StaleVersion unless `current` (or `*`) is among the caller's tags."""
    if not if_match:
        raise VersionRequired(
            "send If-Match with the ETag of the version you looked at, so that nobody's work is lost"
        )
    if not {"*", current} & {each.strip() for each in if_match.split(",")}:
        raise StaleVersion("it was changed since you read it; read it again")
