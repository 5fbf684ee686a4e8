"""One message as the Standard Webhooks specification has it: the body, and the headers that sign it.

webhook-id          the event's id: the same at every attempt, so that a receiver can tell a repetition
webhook-timestamp   of this attempt, in seconds since 1970
webhook-signature   v1,… for each secret that signs, separated by blanks
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook as Signer

from data.store.chain import canonical
from data.store.outbox import Due


def body_of(due: Due) -> bytes:
    """The message as JSON: what happened, when, and its facts."""
    message = {
        "type": str(due.kind),
        "timestamp": due.at.astimezone(UTC).isoformat(),
        "data": dict(due.payload),
    }
    return canonical(message).encode()


def headers_of(due: Due, body: bytes, secrets: Sequence[str], now: datetime) -> Mapping[str, str]:
    """The headers that go with the body at this attempt."""
    at = now.astimezone(UTC)
    signed = [Signer(secret).sign(due.event_id, at, body.decode()) for secret in secrets]
    return {
        "content-type": "application/json",
        "webhook-id": due.event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }
