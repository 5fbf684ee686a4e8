"""`lookalike scan SOURCE`: a folder, a manifest or a feed, to one row per picture."""

from __future__ import annotations

from pathlib import Path

import typer

from api.commands import check_options as opt


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("scan")(scan)


def scan(
    ctx: typer.Context,
    source: Path = typer.Argument(
        ...,
        metavar="SOURCE",
        help="A folder, a manifest (.csv with the column `image`) or a feed (.jsonl with the key `image`).",
    ),
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
) -> None:
    """Scan a folder, a manifest or a feed: exactly one row per input, in order, also for the broken ones.

    Ends with 0 when all is clean, 3 when a picture is flagged, 1 when only failures are left, 2 for a wrong
    call, 4 when there is no picture at all. After Ctrl-C the same command with --resume goes on.
    """
    from api.commands.running import Asked, run_and_exit
    from api.runs import digest_of
    from api.scan_run import Inputs, Outputs
    from data.sources import open_source

    opened = open_source(source.absolute())
    run_and_exit(
        ctx,
        Inputs(str(source.absolute()), lambda: opened, digest_of(source), files=(source,)),
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
            every_row=False,
        ),
    )
