"""The consent record."""

from __future__ import annotations

from pydantic import BaseModel


class ConsentRecord(BaseModel):
    """Replaced by the consent slice."""
