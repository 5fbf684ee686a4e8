"""The groups of terms that a consent record is made of, each a frozen value that refuses what is malformed.

A record answers who granted what to whom, for which use, for how long and how that was signed; every group
here is one of these questions. Rules that look at one group alone live on it; rules over the whole record are
in `detector.record`. Nothing unstated is ever read as unlimited: where no limit is meant, the record says
"any" (scope) or WORLD (territory)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from detector.moments import only_dates, plain_offset, zone_of
from detector.territory import COUNTRIES, WORLD
from detector.use import Medium

ANY: Final = "any"
"""Written in a record where no limit is meant."""


class ConsentKind(StrEnum):
    PHOTO_USE = "photo_use"
    AI_EDIT = "ai_edit"
    REPLICA_CREATE = "replica_create"
    REPLICA_USE = "replica_use"
    TRAINING = "training"
    BIOMETRIC_ENROLMENT = "biometric_enrolment"


class GrantorRole(StrEnum):
    SELF = "self"
    GUARDIAN = "guardian"
    ESTATE = "estate"
    AGENT = "agent"


class PayUnit(StrEnum):
    FLAT = "flat"
    HOUR = "hour"
    IMAGE = "image"
    MONTH = "month"
    ROYALTY = "royalty"


class Renewal(StrEnum):
    """Renewals are only ever affirmative: an automatic one is no value of this field."""

    NONE = "none"
    AFFIRMATIVE = "affirmative"


def fold(text: str) -> str:
    """The form in which words are compared: case, width, spacing and what cannot be seen do not matter."""
    seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).casefold().split())


def host_of(text: str) -> str:
    """The form in which web hosts are compared: lower case, no port, no final dot, international names
    encoded."""
    host = text.strip().partition(":")[0].rstrip(".").lower()
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host


def host_in(address: str) -> str:
    """The host of a whole address, or of what already is one: `https://shop.example/a.jpg` is `shop.example`."""
    return host_of(address.strip().rpartition("://")[2].partition("/")[0].rpartition("@")[2])


def _words(value: object) -> tuple[str, ...] | Literal["any"]:
    if value == ANY:
        return ANY
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise ValueError('must be a list of words, or "any"')
    words = tuple(dict.fromkeys(str(word).strip() for word in value))
    if words == (ANY,):
        return ANY
    if not words or "" in words:
        raise ValueError('must name at least one thing and no empty word, or be "any"')
    if ANY in map(fold, words):
        raise ValueError('mixes "any" with other words; write one or the other')
    return words


def _media(value: object) -> tuple[Medium, ...] | Literal["any"]:
    words = _words([str(word) for word in value] if isinstance(value, list | tuple) else value)
    if words == ANY:
        return ANY
    strange = [word for word in words if word not in set(Medium)]
    if strange:
        raise ValueError(f"{', '.join(strange)}: no such medium; there are {', '.join(Medium)}")
    return tuple(Medium(word) for word in words)


def _host(text: str) -> str:
    host = host_of(text)
    if not re.fullmatch(
        r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", host
    ):
        raise ValueError(f"{text!r} is no web domain; write the host alone, such as brand.example")
    return host


def _without_zero_byte(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a zero byte, which is no character of a text")
    return text


def _countries(codes: Iterable[str], allowed: frozenset[str]) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(code.strip().upper() for code in codes))
    strange = [code for code in named if code not in allowed]
    if strange:
        raise ValueError(f"{', '.join(strange)}: no ISO 3166-1 alpha-2 code (GB, not UK; no EU)")
    return named


Flag = Annotated[bool, Strict()]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_without_zero_byte)
]
Moment = Annotated[AwareDatetime, BeforeValidator(only_dates), AfterValidator(plain_offset)]
Digest = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern="^[0-9a-fA-F]{64}$")]
Domain = Annotated[str, AfterValidator(_host)]
Words = tuple[str, ...] | Literal["any"]
Listed = Annotated[Words, BeforeValidator(_words)]
Media = Annotated[tuple[Medium, ...] | Literal["any"], BeforeValidator(_media)]


class Group(BaseModel):
    """A frozen group of terms that knows its fields: a misspelt one is a fault, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Subject(Group):
    """Whose likeness. `minor` at the time of signing (a guardian signs); `estate`: the person has died."""

    minor: Flag = False
    estate: Flag = False


class Grantor(Group):
    """Who signed. `authority` names the document that lets somebody else sign (power of attorney,
    guardianship, probate); `countersigned`: the talent signed as well as the agent."""

    role: GrantorRole
    name: Text | None = None
    authority: Text | None = None
    countersigned: Flag = False


class Grantee(Group):
    """Who may use. `processors` (AI vendors) act for the client and are no grantees; `domains` are the
    client's own."""

    client: Text
    affiliates: tuple[Text, ...] = ()
    sublicence: Flag = False
    processors: tuple[Text, ...] = ()
    domains: tuple[Domain, ...] = ()


class Exclusions(Group):
    """What stays forbidden inside an otherwise wider scope."""

    assets: tuple[Text, ...] = ()
    campaigns: tuple[Text, ...] = ()
    products: tuple[Text, ...] = ()
    media: tuple[Medium, ...] = ()
    alterations: tuple[Text, ...] = ()


class Scope(Group):
    """What may be used, and where. Each field is a list or "any"; None means that the record does not say."""

    assets: Listed | None = None
    campaigns: Listed | None = None
    products: Listed | None = None
    media: Media | None = None
    alterations: Listed | None = None
    exclusions: Exclusions = Exclusions()

    def unstated(self) -> tuple[str, ...]:
        """The fields on which the record is silent."""
        fields = ("assets", "campaigns", "products", "media", "alterations")
        return tuple(name for name in fields if getattr(self, name) is None)


class Purpose(Group):
    """What for. `code` is one word to compare by ("any" where none is excluded); `description` says it to a
    person."""

    code: Text
    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=20)]


class Pay(Group):
    """What for it. Either an amount with its currency and unit, or `unpaid`, which the talent must have
    acknowledged.

    amount: of the currency, per unit; for a royalty the percentage, and then no currency is needed."""

    unpaid: Flag = False
    unpaid_acknowledged: Flag = False
    amount: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] | None = Field(None, validate_default=True)
    unit: PayUnit | None = Field(None, validate_default=True)
    currency: Annotated[str, StringConstraints(to_upper=True, pattern="^[A-Za-z]{3}$")] | None = Field(
        None, validate_default=True
    )

    @field_validator("amount")
    @classmethod
    def _amount_or_unpaid(cls, amount: Decimal | None, info: ValidationInfo) -> Decimal | None:
        if (amount is None) is not info.data.get("unpaid", amount is None):
            raise ValueError("must be given, unless unpaid is true (and then it must not)")
        return amount

    @field_validator("unit")
    @classmethod
    def _unit_of_amount(cls, unit: PayUnit | None, info: ValidationInfo) -> PayUnit | None:
        if unit is None and info.data.get("amount") is not None:
            raise ValueError(f"must say what the amount is paid per: {', '.join(PayUnit)}")
        return unit

    @field_validator("currency")
    @classmethod
    def _currency_of_amount(cls, currency: str | None, info: ValidationInfo) -> str | None:
        paid = info.data.get("amount") is not None and info.data.get("unit") is not PayUnit.ROYALTY
        if currency is None and paid:
            raise ValueError("must be given with an amount, as three letters such as USD")
        return currency


class Duration(Group):
    """From when until when, both inclusive. A date in `valid_to` means the end of that day in `timezone`."""

    timezone: Text
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    renewal: Renewal = Renewal.NONE

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        zone_of(name)
        return name

    @field_validator("valid_to")
    @classmethod
    def _after_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        return _not_before(end, info, "valid_from")


class Territory(Group):
    """Where: ISO 3166-1 alpha-2 codes or WORLD, minus a list."""

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()

    @field_validator("include")
    @classmethod
    def _somewhere(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        named = _countries(codes, COUNTRIES | {WORLD})
        if not named or (WORLD in named and len(named) > 1):
            raise ValueError("must be WORLD alone, or a list of at least one country")
        return named

    @field_validator("exclude")
    @classmethod
    def _inside(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        return _countries(codes, COUNTRIES)


class AiTerms(Group):
    """Limits on the making of a replica. Here None and an empty list mean that the record sets no such
    limit."""

    generation: Flag | None = None
    training: Flag | None = None
    tools: tuple[Text, ...] = ()
    label_required: Flag = False
    c2pa_required: Flag = False
    digital_source_types: tuple[Text, ...] = ()


class Form(Group):
    """How it was signed. `separate` from the representation agreement; digests are SHA-256 in hex."""

    separate: Flag = False
    conspicuous: Flag = False
    document: Text | None = None
    document_sha256: Digest | None = None
    disclosure_sha256: Digest | None = None
    signed_at: Moment | None = None
    method: Text | None = None


class Life(Group):
    """What became of it. A revocation takes effect at `effective_at`, at once when that is not given."""

    offered_at: Moment | None = None
    suspended_at: Moment | None = None
    suspended_until: Moment | None = None
    suspension_reason: Text | None = None
    revoked_at: Moment | None = None
    effective_at: Moment | None = Field(None, validate_default=True)
    revocation_reason: Text | None = None

    @field_validator("suspended_until")
    @classmethod
    def _suspension_in_order(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        if end is not None and "suspended_at" in info.data and info.data["suspended_at"] is None:
            raise ValueError("is given, but suspended_at is not")
        return _not_before(end, info, "suspended_at")

    @field_validator("effective_at")
    @classmethod
    def _effect_of_revocation(cls, moment: datetime | None, info: ValidationInfo) -> datetime | None:
        revoked_at: datetime | None = info.data.get("revoked_at")
        if moment is not None and "revoked_at" in info.data and revoked_at is None:
            raise ValueError("is given, but revoked_at is not")
        return moment if moment is not None else revoked_at


class Privacy(Group):
    """How long the record, or the biometric template it allows, may be kept."""

    retention_until: Moment | None = None
    erasure_requested_at: Moment | None = None
    legal_hold: Flag = False


def _not_before(end: datetime | None, info: ValidationInfo, start_name: str) -> datetime | None:
    start: datetime | None = info.data.get(start_name)
    if end is not None and start is not None and end < start:
        raise ValueError(f"lies before {start_name} ({start.isoformat()})")
    return end
