"""Moments in requests: with a zone, and such as every calendar and database can keep."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_utc(moment: datetime) -> datetime:
    """Raises ValueError at the ends of the calendar, where a zone leads out of it."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the calendar, from year 1 to year 9999 in UTC") from None


RequestMoment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
