"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and the one row of the ledger."""
    _create_talents_and_references()
    _create_signals()
    _create_consents()
    _create_audit()
    ledger = op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_change", sa.BigInteger(), nullable=False),
        sa.Column("last_event", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    op.bulk_insert(ledger, [{"id": 1, "last_change": 0, "last_event": 0, "last_hash": "0" * 64}])


def _create_talents_and_references() -> None:
    op.create_table(
        "talent",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text()),
        sa.Column("minor", sa.Boolean(), nullable=False),
        sa.Column("wants_every_report", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("erased_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_talent"),
        sa.UniqueConstraint("ref", name="uq_talent_ref"),
    )
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_blob"),
    )
    op.create_table(
        "reference",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("talent_id", sa.String(40), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("face", sa.Text(), nullable=False),
        sa.Column("quality", sa.Float()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reference"),
        sa.ForeignKeyConstraint(["talent_id"], ["talent.id"], name="fk_reference_talent_id_talent"),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name="fk_reference_sha256_blob"),
        sa.UniqueConstraint("talent_id", "sha256", name="uq_reference_talent_id_sha256"),
    )
    op.create_index("ix_reference_sha256", "reference", ["sha256"])


def _create_signals() -> None:
    op.create_table(
        "signal",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_signal"),
        sa.UniqueConstraint("name", name="uq_signal_name"),
    )
    op.create_table(
        "reference_signal",
        sa.Column("reference_id", sa.String(40), nullable=False),
        sa.Column("signal_key", sa.Integer(), nullable=False),
        sa.Column("dtype", sa.String(8), nullable=False),
        sa.Column("shape", sa.String(32), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("reference_id", "signal_key", name="pk_reference_signal"),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["reference.id"], name="fk_reference_signal_reference_id_reference"
        ),
        sa.ForeignKeyConstraint(["signal_key"], ["signal.key"], name="fk_reference_signal_signal_key_signal"),
    )
    op.create_table(
        "change",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("op", sa.String(8), nullable=False),
        sa.Column("reference_id", sa.String(40), nullable=False),
        sa.Column("talent_id", sa.String(40), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_change"),
    )


def _create_consents() -> None:
    op.create_table(
        "consent",
        sa.Column("consent_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("talent_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("client", sa.Text()),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", "version", name="pk_consent"),
        sa.ForeignKeyConstraint(["talent_id"], ["talent.id"], name="fk_consent_talent_id_talent"),
    )
    op.create_index("ix_consent_talent_id", "consent", ["talent_id"])
    op.create_table(
        "consent_domain",
        sa.Column("consent_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("domain", sa.String(253), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", "version", "domain", name="pk_consent_domain"),
        sa.ForeignKeyConstraint(
            ["consent_id", "version"],
            ["consent.consent_id", "consent.version"],
            name="fk_consent_domain_consent_id_version_consent",
        ),
    )
    op.create_index("ix_consent_domain_domain", "consent_domain", ["domain"])


def _create_audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_subject", "audit_event", ["subject"])
