"""The service: keys, scans, findings and their reviews, webhooks with their outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; no table of the first schema changes."""
    _create_api_key()
    _create_event()
    _create_idempotent_request()
    _create_scan()
    _create_webhook()
    _create_delivery()
    _create_evidence()
    _create_finding()
    _create_scan_item()
    _create_finding_talent()
    _create_review()


def _create_api_key() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("client", sa.Text()),
        sa.Column("agency", sa.Text()),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime()),
        sa.Column("revoked_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
    )


def _create_event() -> None:
    op.create_table(
        "event",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("client", sa.Text()),
        sa.Column("agency", sa.Text()),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("fanned_out", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_event"),
        sa.UniqueConstraint("id", name="uq_event_id"),
    )
    op.create_index("ix_event_fanned_out", "event", ["fanned_out"])
    op.create_index("ix_event_subject", "event", ["subject"])


def _create_idempotent_request() -> None:
    op.create_table(
        "idempotent_request",
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_idempotent_request_key_id_api_key"),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name="pk_idempotent_request"),
    )
    op.create_index("ix_idempotent_request_created_at", "idempotent_request", ["created_at"])


def _create_scan() -> None:
    op.create_table(
        "scan",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("client", sa.Text()),
        sa.Column("client_key", sa.Text()),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime()),
        sa.Column("finished_at", sa.DateTime()),
        sa.Column("cancel_requested_at", sa.DateTime()),
        sa.Column("error", sa.Text()),
        sa.Column("worker", sa.String(120)),
        sa.Column("lease_until", sa.DateTime()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_scan_key_id_api_key"),
        sa.PrimaryKeyConstraint("id", name="pk_scan"),
    )
    op.create_index("ix_scan_client_key", "scan", ["client_key"])
    op.create_index("ix_scan_state", "scan", ["state"])


def _create_webhook() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary()),
        sa.Column("previous_until", sa.DateTime()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("disabled_at", sa.DateTime()),
        sa.Column("disabled_reason", sa.Text()),
        sa.Column("deleted_at", sa.DateTime()),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_webhook_key_id_api_key"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
    )


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("event_id", sa.String(40), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime()),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("delivered_at", sa.DateTime()),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_delivery_event_id_event"),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], name="fk_delivery_webhook_id_webhook"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("event_id", "webhook_id", name="uq_delivery_event_id_webhook_id"),
    )
    op.create_index("ix_delivery_due", "delivery", ["state", "next_at"])


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_evidence"),
    )


def _create_finding() -> None:
    op.create_table(
        "finding",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("client", sa.Text()),
        sa.Column("client_key", sa.Text()),
        sa.Column("scan_id", sa.String(40)),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(24), nullable=False),
        sa.Column("severity", sa.String(12), nullable=False),
        sa.Column("severity_rank", sa.Integer(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("picture", sa.String(64)),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime()),
        sa.Column("repeats", sa.String(40)),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_finding_key_id_api_key"),
        sa.ForeignKeyConstraint(["picture"], ["evidence.sha256"], name="fk_finding_picture_evidence"),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name="fk_finding_scan_id_scan"),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
    )
    op.create_index("ix_finding_client_key", "finding", ["client_key"])
    op.create_index("ix_finding_picture", "finding", ["picture"])
    op.create_index("ix_finding_queue", "finding", ["state", "severity_rank", "created_at", "id"])
    op.create_index(
        "ix_finding_when", "finding", ["created_at", "id", "state", "severity", "verdict", "client"]
    )
    op.create_index("ix_finding_scan_id", "finding", ["scan_id"])
    op.create_index("ix_finding_sha256", "finding", ["sha256"])


def _create_scan_item() -> None:
    op.create_table(
        "scan_item",
        sa.Column("scan_id", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("row", sa.Text()),
        sa.Column("verdict", sa.String(24)),
        sa.Column("status", sa.String(8)),
        sa.Column("finding_id", sa.String(40)),
        sa.Column("checked_at", sa.DateTime()),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name="fk_scan_item_scan_id_scan"),
        sa.PrimaryKeyConstraint("scan_id", "number", name="pk_scan_item"),
    )
    op.create_index("ix_scan_item_unchecked", "scan_item", ["scan_id", "checked_at", "number"])


def _create_finding_talent() -> None:
    op.create_table(
        "finding_talent",
        sa.Column("finding_id", sa.String(40), nullable=False),
        sa.Column("talent_id", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name="fk_finding_talent_finding_id_finding"),
        sa.ForeignKeyConstraint(["talent_id"], ["talent.id"], name="fk_finding_talent_talent_id_talent"),
        sa.PrimaryKeyConstraint("finding_id", "talent_id", name="pk_finding_talent"),
    )
    op.create_index("ix_finding_talent_talent_id", "finding_talent", ["talent_id"])


def _create_review() -> None:
    op.create_table(
        "review",
        sa.Column("finding_id", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("document", sa.Text()),
        sa.Column("document_sha256", sa.String(64)),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name="fk_review_finding_id_finding"),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_review_key_id_api_key"),
        sa.PrimaryKeyConstraint("finding_id", "version", name="pk_review"),
    )
