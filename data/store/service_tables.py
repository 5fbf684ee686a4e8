"""The service's tables: who may call it, what was found and judged, what runs, and what is to be told to whom.

    api_key ──< idempotent_request                             who calls; what a repeated call is answered with
    scan ──< scan_item                                         a job and its pictures, each with its row once checked
    finding ──< finding_talent, review                         the review queue, and what people decided
       └──> evidence                                           the flagged picture's file, by its SHA-256
    event ──< delivery >── webhook                             the outbox, and each attempt's state

They are on the metadata of `data.store.tables`, which the migrations are compared with.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from data.store.tables import UtcDateTime, metadata

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("client", Text),
    Column("agency", Text),
    Column("secret_sha256", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)
"""`secret_sha256`: the secret has 256 random bits, so a plain digest can't be turned back."""

idempotent_request = Table(
    "idempotent_request",
    metadata,
    Column("key_id", ForeignKey("api_key.id"), primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("operation", Text, nullable=False),
    Column("request_sha256", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", LargeBinary),
)
"""`status` is null while the first call is still being answered."""

scan = Table(
    "scan",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("key_id", ForeignKey("api_key.id"), nullable=False),
    Column("client", Text),
    Column("client_key", Text, index=True),
    Column("label", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("use", Text, nullable=False),
    Column("as_of", UtcDateTime, nullable=False),
    Column("total", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("cancel_requested_at", UtcDateTime),
    Column("error", Text),
    Column("worker", String(120)),
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
)
"""`use` is canonical JSON of what is claimed for all pictures; `client_key` the client's name in one spelling;
`lease_until` passes when a worker has died; `attempts` counts how often it was taken up since the last row."""

scan_item = Table(
    "scan_item",
    metadata,
    Column("scan_id", ForeignKey("scan.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("location", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("row", Text),
    Column("verdict", String(24)),
    Column("status", String(8)),
    Column("finding_id", String(40)),
    Column("checked_at", UtcDateTime),
    Index("ix_scan_item_unchecked", "scan_id", "checked_at", "number"),
)
"""`kind` is file (an upload, kept until it is checked), url, or bad (then `location` is the JSON of why);
`row` is the finding's JSON, null until then."""

evidence = Table(
    "evidence",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
"""Which pictures of findings are kept; the files lie in `evidence/` of the state directory."""

finding = Table(
    "finding",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("key_id", ForeignKey("api_key.id"), nullable=False),
    Column("client", Text),
    Column("client_key", Text, index=True),
    Column("scan_id", ForeignKey("scan.id"), index=True),
    Column("source", Text, nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("verdict", String(24), nullable=False),
    Column("severity", String(12), nullable=False),
    Column("severity_rank", Integer, nullable=False),
    Column("row", Text, nullable=False),
    Column("picture", ForeignKey("evidence.sha256"), index=True),
    Column("state", String(24), nullable=False),
    Column("version", Integer, nullable=False),
    Column("reviewed_at", UtcDateTime),
    Column("repeats", String(40)),
    Index("ix_finding_queue", "state", "severity_rank", "created_at", "id"),
    Index("ix_finding_when", "created_at", "id", "state", "severity", "verdict", "client"),
)
"""Only flagged pictures have one. `client_key` is the client's name in one spelling; `severity_rank` is 0 for the
gravest; `picture` is null where none was kept, or it was erased; `repeats` names the finding that a person called
benign, of which this one is a repetition. The second index holds all that lists by date and counts ask for: rows are
long."""

finding_talent = Table(
    "finding_talent",
    metadata,
    Column("finding_id", ForeignKey("finding.id"), primary_key=True),
    Column("talent_id", ForeignKey("talent.id"), primary_key=True, index=True),
)

review = Table(
    "review",
    metadata,
    Column("finding_id", ForeignKey("finding.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("key_id", ForeignKey("api_key.id"), nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("note", Text),
    Column("document", Text),
    Column("document_sha256", String(64)),
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("key_id", ForeignKey("api_key.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("previous_secret", LargeBinary),
    Column("previous_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("disabled_reason", Text),
    Column("deleted_at", UtcDateTime),
)
"""`events` is a JSON list; the secrets are sealed by the vault; `previous_secret` signs too until `previous_until`."""

event = Table(
    "event",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(40), nullable=False, unique=True),
    Column("type", String(40), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("subject", String(80), nullable=False, index=True),
    Column("client", Text),
    Column("agency", Text),
    Column("payload", Text, nullable=False),
    Column("fanned_out", Boolean, nullable=False, index=True),
)
"""The outbox: written in the transaction of the change that it tells of. `payload` holds ids and plain facts."""

delivery = Table(
    "delivery",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("event_id", ForeignKey("event.id"), nullable=False),
    Column("webhook_id", ForeignKey("webhook.id"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    UniqueConstraint("event_id", "webhook_id"),
    Index("ix_delivery_due", "state", "next_at"),
)
