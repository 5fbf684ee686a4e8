"""What values of settings may be: the checks that `api.settings` hangs on its fields.

Each takes what a file or a variable holds and gives the value, or raises ValueError with the end of a sentence that
begins with the setting's name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

IMAGE_NETWORKS = ("sscd", "sscd-224", "tower")
"""Image networks with a name of their own; any other value of `image_network` is an open_clip spec."""


@dataclass(frozen=True, slots=True)
class Accepts:
    """What a setting takes, as the end of the sentence 'it accepts …'."""

    text: str


def expanded(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - resolve() would follow links the user chose


def filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def folders(value: object) -> object:
    """A variable holds several folders as PATH does; the file has a list."""
    return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


def listed(value: object) -> object:
    """A variable holds several values with commas between; the file has a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def header_text(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("holds characters that no header takes")
    return text


def image_network(name: str) -> str:
    if name in IMAGE_NETWORKS or "/" in name or name.startswith(("hf-hub:", "local-dir:")):
        return name
    raise ValueError("names no image network")


def usable_url(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError:
        raise ValueError("is no database URL") from None
    if backend not in {"sqlite", "postgresql"}:
        raise ValueError(f"is a URL for {backend}")
    return url


Filled = AfterValidator(filled)
Folder = Annotated[
    Path, BeforeValidator(lambda v: filled(v) if isinstance(v, str) else v), AfterValidator(expanded)
]
