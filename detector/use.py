"""The use: what is claimed about the picture under check, and what is known of how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Medium(StrEnum):
    ECOMMERCE = "ecommerce"
    OOH = "ooh"
    SOCIAL_ORGANIC = "social_organic"
    SOCIAL_PAID = "social_paid"
    PRINT = "print"
    RUNWAY = "runway"
    TV = "tv"
    INTERNAL = "internal"


class SyntheticClass(StrEnum):
    """How the picture is known to have been made. UNKNOWN is the honest default: absence of a claim proves
    nothing."""

    CAPTURED = "captured"
    AI_EDITED = "ai_edited"
    AI_GENERATED = "ai_generated"
    UNKNOWN = "unknown"


Moment = datetime | date
"""An instant, with a time zone; or a day alone, which is some instant of that day in the zone of whatever asks."""


@dataclass(frozen=True, slots=True)
class Use:
    """One claimed use. Every field may be unknown (None). Datetimes carry a time zone, days stay days; territory is ISO
    3166-1 alpha-2 or WORLD; domain is the host the picture was published on; seen_at is the last time it was
    seen there; tool is what made a replica; digital_source_type is the IPTC term the file declares."""

    client: str | None = None
    purpose: str | None = None
    medium: Medium | None = None
    territory: str | None = None
    published_at: Moment | None = None
    made_at: Moment | None = None
    seen_at: Moment | None = None
    declared_ai: bool | None = None
    domain: str | None = None
    asset: str | None = None
    campaign: str | None = None
    product: str | None = None
    alterations: tuple[str, ...] = ()
    labelled_ai: bool | None = None
    has_c2pa: bool | None = None
    tool: str | None = None
    digital_source_type: str | None = None
