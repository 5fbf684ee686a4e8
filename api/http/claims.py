"""The use that a call claims, as fields of a query, a form or a JSON document: the same names and rules as columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from api.checking import claimed_by
from api.uses import USE_COLUMNS, parse_moment, use_of
from detector.access import Principal
from detector.errors import InputError, UsageError
from detector.use import Medium, Use


class ClaimedUse(BaseModel):
    """What is claimed of the picture. What is not given is unknown, and a verdict may depend on it."""

    model_config = ConfigDict(extra="forbid")

    client: str | None = Field(
        None, max_length=200, description="Who uses it. A client's own key need not say."
    )
    purpose: str | None = Field(None, max_length=200, description="Code, as consent records have it.")
    medium: Medium | None = None
    territory: str | None = Field(None, max_length=16, description="ISO 3166-1 alpha-2, or WORLD.")
    published_at: str | None = Field(None, max_length=40, description="ISO 8601 day or moment.")
    made_at: str | None = Field(None, max_length=40, description="ISO 8601 day or moment.")
    seen_at: str | None = Field(None, max_length=40, description="ISO 8601 day or moment.")
    declared_ai: bool | None = Field(None, description="Declared to be made or edited with AI, or not to be.")
    domain: str | None = Field(None, max_length=253, description="Host that it was published on.")
    asset: str | None = Field(None, max_length=200)
    campaign: str | None = Field(None, max_length=200)
    product: str | None = Field(None, max_length=200)
    alterations: list[str] | None = Field(None, max_length=50)
    labelled_ai: bool | None = None
    has_c2pa: bool | None = None
    tool: str | None = Field(None, max_length=200)
    digital_source_type: str | None = Field(
        None, max_length=300, description="The IPTC term that is declared."
    )

    def columns(self) -> dict[str, str]:
        """As the columns of a manifest."""
        given = self.model_dump(include=set(USE_COLUMNS), exclude_none=True)
        return {name: _text(value) for name, value in given.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "|".join(value) if isinstance(value, list) else str(value)


def use_claimed(columns: Mapping[str, str], caller: Principal) -> Use:
    """The use that these columns claim, by somebody who may claim it. Raises InputError `bad_use`, Forbidden, and
    UsageError for a column that is none."""
    strange = sorted(set(columns) - set(USE_COLUMNS))
    if strange:
        raise UsageError(f"there is no field {strange[0][:40]!a}; docs/service.md lists those of a use")
    try:
        return claimed_by(use_of(columns, Use()), caller.client)
    except InputError as error:
        raise InputError(error.detail.replace("the row's use", "the use"), code=error.code) from error


def moment_of(text: str | None) -> datetime | None:
    """The moment that the verdict is to speak of. Raises UsageError."""
    try:
        return parse_moment(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError) as error:
        raise UsageError(f"as_of: {error}") from error
