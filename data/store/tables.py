"""The tables. Types are portable: the same definitions serve SQLite and PostgreSQL.

    talent ──< reference ──< reference_signal >── signal        what can be found
                  └──> blob                                     the picture's file, by its SHA-256
    talent ──< consent ──< consent_domain                       append-only versions, domains indexed
    change                                                      what a vector index must replay, numbered
    legal_hold                                                  what may not be erased
    audit_event                                                 the hash chain
    ledger (one row)                                            last change number, last event number and hash

Migrations build these tables; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Kept as UTC without a zone, which every database keeps to the microsecond; read back with the
    zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

talent = Table(
    "talent",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("agency", Text),
    Column("minor", Boolean, nullable=False),
    Column("wants_every_report", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("erased_at", UtcDateTime),
)

blob = Table(
    "blob",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

reference = Table(
    "reference",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("talent_id", ForeignKey("talent.id"), nullable=False),
    Column("sha256", ForeignKey("blob.sha256"), nullable=False),
    Column("source", Text, nullable=False),
    Column("face", Text, nullable=False),
    Column("quality", Float),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("talent_id", "sha256"),
    Index(None, "sha256"),
)
"""`face` is canonical JSON: box, landmarks, detection score, quality; read whole, never searched. `quality`
is the score in it, 0 to 1, which an index weighs the reference with."""

signal = Table(
    "signal",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)

reference_signal = Table(
    "reference_signal",
    metadata,
    Column("reference_id", ForeignKey("reference.id"), primary_key=True),
    Column("signal_key", ForeignKey("signal.key"), primary_key=True),
    Column("dtype", String(8), nullable=False),
    Column("shape", String(32), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("vault_key", String(16), index=True),
)
"""`vault_key` is the id of the key that `vector` is sealed with, null where it is plain."""

change = Table(
    "change",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("op", String(8), nullable=False),
    Column("reference_id", String(40), nullable=False),
    Column("talent_id", String(40), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

consent = Table(
    "consent",
    metadata,
    Column("consent_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("talent_id", ForeignKey("talent.id"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("client", Text),
    Column("record", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)

consent_domain = Table(
    "consent_domain",
    metadata,
    Column("consent_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("domain", String(253), primary_key=True),
    Column("client", Text, nullable=False),
    ForeignKeyConstraint(["consent_id", "version"], ["consent.consent_id", "consent.version"]),
    Index(None, "domain"),
)

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("subject", String(80), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("placed_at", UtcDateTime, nullable=False),
    Column("released_at", UtcDateTime),
    Column("release_reason", Text),
)
"""`subject` is a talent's id, whose erasure it stops, or a finding's, whose picture it keeps."""

audit_event = Table(
    "audit_event",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(80), nullable=False, index=True),
    Column("details", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last_change", BigInteger, nullable=False),
    Column("last_event", BigInteger, nullable=False),
    Column("last_hash", String(64), nullable=False),
)
