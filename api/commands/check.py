"""`lookalike check FILE…`: who is in these pictures, and may they be used so?"""

from __future__ import annotations

import os
import shlex
from contextlib import nullcontext
from pathlib import Path

import typer

from api.commands import check_options as opt


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("check")(check)


def check(
    ctx: typer.Context,
    files: list[Path] = typer.Argument(..., metavar="FILE…", help="Pictures."),
    client: opt.Client = None,
    medium: opt.Medium = None,
    purpose: opt.Purpose = None,
    territory: opt.Territory = None,
    published_at: opt.PublishedAt = None,
    made_at: opt.MadeAt = None,
    seen_at: opt.SeenAt = None,
    declared_ai: opt.DeclaredAi = None,
    as_of: opt.AsOf = None,
    top: opt.Top = 0,
    out: opt.Out = None,
    html: opt.Html = None,
    csv: opt.Csv = None,
    sarif: opt.Sarif = None,
    junit: opt.Junit = None,
    html_limit: opt.HtmlLimit = 200,
    resume: opt.Resume = False,
    overwrite: opt.Overwrite = False,
    fail_on: opt.FailOnOption = opt.FailOn.LOW,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    remote: opt.Remote = None,
    private: opt.Private = False,
    key_file: opt.KeyFile = None,
) -> None:
    """Check pictures: one verdict each, with its reasons.

    Ends with 0 when all is clean, 3 when a picture is flagged, 1 when only failures are left, 2 for a wrong
    call.
    """
    from api.commands.remote import remote_of
    from api.commands.running import Asked, run_and_exit
    from api.scan_run import Inputs, Outputs
    from data.sources import file_item

    service = remote_of(remote, key_file, private=private)
    absolute = [os.path.abspath(file) for file in files]  # noqa: PTH100 - resolve() would follow links
    with service or nullcontext():
        run_and_exit(
            ctx,
            Inputs(
                shlex.join(absolute),
                lambda: [file_item(Path(file)) for file in absolute],
                files=tuple(map(Path, absolute)),
            ),
            Outputs(out, html, csv, html_limit, resume, overwrite, sarif, junit),
            Asked(
                use={
                    "client": client,
                    "medium": medium,
                    "purpose": purpose,
                    "territory": territory,
                    "published_at": published_at,
                    "made_at": made_at,
                    "seen_at": seen_at,
                    "declared_ai": None if declared_ai is None else str(declared_ai),
                },
                as_of=as_of,
                top=top,
                fail_on=fail_on,
                as_json=as_json,
                quiet=quiet,
                every_row=True,
            ),
            service.machinery if service else None,
        )
