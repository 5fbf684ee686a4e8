"""`lookalike retention run`: erases what has passed its date. A legal hold stops it, and is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.terminal import note, print_json, print_table

if TYPE_CHECKING:
    from api.retention import Due, DueTalent

COLUMNS = ("talent_ref", "id", "why", "references", "goes", "held")


def register(app: typer.Typer) -> None:
    """Add the command group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Erase what has passed its date.")
    group.command("run")(run)
    group.callback()(lambda: None)
    app.add_typer(group, name="retention")


def run(
    ctx: typer.Context,
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what is due, and erase nothing."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Erase templates and pictures that no release allows any more, people who asked for it, and pictures of findings
    settled longer ago than evidence_days.
    """
    from api.retention import due
    from api.retention import run as erase_due

    with opened(ctx) as application:
        act = due if dry_run else erase_due
        found = act(application.store, application.clock(), application.settings.evidence_days)
    rows = [_row(one, dry_run) for one in found.talents]
    if as_json:
        print_json(
            {"talents": rows, "evidence": found.evidence, "released": found.released, "erased": not dry_run}
        )
        return
    if rows:
        print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
    note(_summary(found, dry_run))


def _row(one: DueTalent, dry_run: bool) -> dict[str, Any]:
    """A person who was erased has no reference any more, here neither."""
    gone = one.whole and one.held is None and not dry_run
    return {
        "talent_ref": one.talent_id if gone else one.ref,
        "id": one.talent_id,
        "why": str(one.why),
        "references": one.references,
        "goes": "person" if one.whole else "references",
        "held": one.held,
    }


def _summary(found: Due, dry_run: bool) -> str:
    held = sum(one.held is not None for one in found.talents)
    verb = "due" if dry_run else "erased"
    return (
        f"{len(found.talents) - held} talents {verb}, {held} under legal hold, {found.evidence} pictures of settled "
        f"findings {verb}, {found.released} erased talents {verb} from findings no longer held"
    )
