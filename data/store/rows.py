"""What every repository needs: lists cut to what one query may hold, texts that every database can keep, names found in
every spelling of their capitals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, select

from detector.access import same_name

_CHUNK = 500


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids, without repetitions, in pieces small enough for one IN list of any database."""
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), _CHUNK):
        yield distinct[start : start + _CHUNK]


def plain(text: str) -> str:
    """The text with what databases can't keep written out: undecodable bytes of a file name, and the zero
    byte."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")


def spellings(connection: Connection, column: ColumnElement[str | None], name: str) -> list[str]:
    """The values of the column that are this name: databases fold capitals each in their own way, so Python says."""
    kept = connection.execute(select(column).distinct().where(column.is_not(None))).scalars()
    return [value for value in kept if value is not None and same_name(value, name)]
