"""`lookalike doctor`: what this installation is made of, where every setting came from, and what is
missing.
"""

from __future__ import annotations

import typer

from api.commands.session import opened
from api.exits import Exit
from api.terminal import note, print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("doctor")(doctor)


def doctor(
    ctx: typer.Context,
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of tables."),
) -> None:
    """Look at every part: settings, weights, signals, store, index, thresholds. Ends with 1 when one is
    missing.
    """
    from api.diagnosis import diagnose

    with opened(ctx) as application:
        sections = diagnose(application)
    problems = [f"{section.name}: {text}" for section in sections for text in section.problems]
    if as_json:
        print_json({"healthy": not problems, "sections": [section.as_json() for section in sections]})
    else:
        for section in sections:
            say(section.name.upper())
            print_table(section.columns, section.rows)
            for remark in section.remarks:
                say(f"note: {remark}")
            for problem in section.problems:
                say(f"PROBLEM: {problem}")
            say("")
        note(f"{len(problems)} problem(s)" if problems else "everything that is needed is here")
    raise typer.Exit(Exit.FAILED if problems else Exit.CLEAN)
