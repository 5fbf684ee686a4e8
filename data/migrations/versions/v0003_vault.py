"""Encryption at rest and legal holds: which key a vector is sealed with, and what may not be erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column that says 'not sealed' of all there is, and the table of holds."""
    op.add_column("reference_signal", sa.Column("vault_key", sa.String(16)))
    op.create_index("ix_reference_signal_vault_key", "reference_signal", ["vault_key"])
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(), nullable=False),
        sa.Column("released_at", sa.DateTime()),
        sa.Column("release_reason", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_legal_hold"),
    )
    op.create_index("ix_legal_hold_subject", "legal_hold", ["subject"])
