"""`lookalike reindex`: after a change of network, the references' vectors are made anew from their pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.exits import Exit
from api.terminal import note, print_json, print_table, progress

if TYPE_CHECKING:
    from api.composition import Application
    from api.reindexing import Plan
    from detector.signals import SignalId
    from indexer.reindexing import Reindexed

INTERRUPTED = 130
COLUMNS = ("talent_ref", "reference", "source", "status", "code", "detail")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("reindex")(reindex)


def reindex(
    ctx: typer.Context,
    signals: str | None = typer.Option(
        None, "--signals", metavar="KINDS", help="Only these, such as face,image; else all that are in use."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what is to do, and change nothing."),
    prune: bool = typer.Option(
        False,
        "--prune",
        help="Afterwards delete the vectors that were replaced; stop whoever still uses them.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of tables."),
) -> None:
    """Make the vectors that the configured networks need and the references lack. Ends with 1 when a reference failed.

    The face chosen at enrolment stays chosen, old vectors stay until --prune, and a stopped run goes on where it was.
    """
    from api.reindexing import plan, reindexer, wanted
    from api.reindexing import prune as clear_up

    with opened(ctx) as application:
        chosen = wanted(application, signals)
        plans = plan(application.store, chosen)
        results: list[Reindexed] = []
        if not dry_run:
            total = sum(application.store.coverage.lacking_by_talent(chosen).values())
            with _resumable(), progress("reindexing", total) as advance:
                for result in reindexer(application).run(chosen):
                    results.append(result)
                    advance(1)
        pruned = clear_up(application, chosen) if prune and not dry_run else {}
        _print(application, plans, results, pruned, as_json)
    raise typer.Exit(Exit.FAILED if any(one.status == "failed" for one in results) else Exit.CLEAN)


@contextmanager
def _resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        note("\nInterrupted. What was made is kept; `lookalike reindex` goes on with the rest.")
        raise typer.Exit(INTERRUPTED) from None


def _print(
    application: Application,
    plans: Sequence[Plan],
    results: Sequence[Reindexed],
    pruned: Mapping[SignalId, int],
    as_json: bool,
) -> None:
    counts = Counter(str(one.status) for one in results)
    left = [_row(application, one) for one in results if one.status != "done"]
    planned = [
        {"signal": str(one.signal), "references": one.references, "lacking": one.lacking} for one in plans
    ]
    gone = {str(signal): count for signal, count in pruned.items()}
    if as_json:
        totals = {status: counts[status] for status in ("done", "failed", "skipped")}
        print_json({"plan": planned, **totals, "left": left, "pruned": gone})
        return
    print_table(("signal", "references", "lacking"), (tuple(row.values()) for row in planned))
    if left:
        print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in left))
    note(", ".join(f"{counts[status]} {status}" for status in ("done", "failed", "skipped")))
    for signal, count in gone.items():
        note(f"pruned: {count} vectors of {signal}")


def _row(application: Application, result: Reindexed) -> dict[str, Any]:
    refs = application.store.talents.refs([result.talent_id])
    return {
        "talent_ref": refs.get(result.talent_id, result.talent_id),
        "reference": result.reference_id,
        "source": result.source,
        "status": str(result.status),
        "code": result.code,
        "detail": result.detail,
    }
