"""One link of the audit chain: what an event is, and how it is hashed. Pure; `data.audit` reads and checks
the chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

Details = Mapping[str, str | int | bool | None]

GENESIS = "0" * 64
"""The hash before the first event."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened. `subject` is the id it happened to; `action` is `noun.verb` (docs/store.md
    lists them).

    Holds ids and plain facts, never a name, a vector or a picture: it outlives an erasure.
    """

    number: int
    at: datetime
    action: str
    subject: str
    details: Details
    previous: str
    hash: str

    def computed_hash(self) -> str:
        """What `hash` must be."""
        body = {
            "number": self.number,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "action": self.action,
            "subject": self.subject,
            "details": dict(self.details),
            "previous": self.previous,
        }
        return hashlib.sha256(canonical(body).encode()).hexdigest()


def canonical(value: object) -> str:
    """JSON with one spelling per value: sorted keys, no blanks, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
