"""What every command shares: where the settings come from, and an application that is closed again.

A command does `with opened(ctx) as application: …`. Tests hand in their own `Parts` (a fixed clock, a
small real extractor) as Typer's `obj`; everything else is as it is for a person.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

if TYPE_CHECKING:
    from api.composition import Application, Parts
    from api.settings import Configured


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of the command line. `parts` None: the real ones."""

    config: Path | None = None
    parts: Parts | None = None
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = field(default_factory=Path.cwd)


def begin(ctx: typer.Context, config: Path | None) -> None:
    """Called by the root callback, before any command."""
    ctx.obj = Invocation(config=config, parts=cast("Parts | None", ctx.obj))


def configured(ctx: typer.Context) -> Configured:
    """The settings of this run with their origins. Raises SettingsError."""
    from api.settings import load_settings

    run = cast(Invocation, ctx.obj)
    return load_settings(run.environ, run.cwd, run.config)


@contextmanager
def opened(ctx: typer.Context) -> Iterator[Application]:
    """The application of this run, closed at the end whatever happens. Downloads show on standard error."""
    from api.composition import Application, Parts
    from api.downloads import download_bars

    with download_bars() as report:
        parts = cast(Invocation, ctx.obj).parts or Parts(progress=report)
        with Application(configured(ctx), parts) as application:
            yield application
