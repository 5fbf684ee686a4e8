"""Where results may be written: never over what is read, and never two into one file.

A wrong path costs a person the roster, manifest or photograph that they pointed at, so every command asks here before
it opens anything for writing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from data.sources.pictures import begins_like_a_picture
from detector.errors import UsageError


def require_safe(outputs: Mapping[str, Path | None], inputs: Collection[Path]) -> None:
    """`outputs` by option. Raises UsageError `output_is_input` for a file that is read, or is a picture, or is named
    twice, or is called `-`."""
    read = {_place(path) for path in inputs}
    taken: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        if str(path) == "-":
            raise _refused(f"{option} writes a file and not standard output; --json prints the rows")
        place = _place(path)
        if place in read or begins_like_a_picture(place):
            raise _refused(f"{option} {path} would replace what is to be read; name another file")
        if place in taken:
            raise _refused(f"{taken[place]} and {option} name the same file, {path}; name two")
        taken[place] = option


def _place(path: Path) -> Path:
    return path.expanduser().resolve()


def _refused(detail: str) -> UsageError:
    return UsageError(detail, code="output_is_input")
