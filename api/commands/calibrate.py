"""`lookalike calibrate MANIFEST`: a calibration table for the configured face network, from the user's own pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from api.commands.session import opened
from api.outputs import require_safe
from api.terminal import note, print_json, print_table, progress

if TYPE_CHECKING:
    from api.calibrating import Made

SIZES = (100, 1_000, 10_000)
RATES = (0.05, 0.01, 0.003)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("calibrate")(calibrate)


def calibrate(
    ctx: typer.Context,
    manifest: Path = typer.Argument(
        ...,
        metavar="MANIFEST",
        help="CSV with person and image; or a folder with gallery.csv and probes.csv.",
    ),
    write: Path | None = typer.Option(
        None,
        "--write",
        metavar="FILE",
        help="Where to keep the table; else in the state folder, where it counts.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
) -> None:
    """Measure how like each other pictures of one person and of two people are, and keep thresholds made of that.

    Nothing of the people in the pictures is kept but counts. A table in the state folder goes before the one shipped.
    """
    from api.calibrating import calibrate as measure
    from api.calibrating import file_name
    from api.population import read_population
    from data.calibration import table_text
    from data.weights import write_whole

    labels = read_population(manifest)
    require_safe({"--write": write}, [manifest])
    with opened(ctx) as application:
        with progress("looking at pictures", len(labels)) as advance:
            made = measure(application, labels, advance)
        place = write or application.calibration_dir / file_name(made.table.signal)
        facts = made.facts(str(manifest.absolute()), application.clock())
        write_whole(place, table_text(made.table, facts).encode())
        sizes = sorted({*SIZES, max(SIZES[0], len(application.store.references.counts()))})
    rows = thresholds(made, sizes)
    if as_json:
        print_json({"signal": str(made.table.signal), "table": str(place), "made": facts, "thresholds": rows})
        return
    print_table(("talents", *(f"similarity at {rate:.1%}" for rate in RATES)), rows)
    for check in made.checks:
        note(check)
    left_out = ", ".join(f"{count} {code}" for code, count in made.left_out.most_common())
    note(
        f"{made.mated:,} comparisons of one person, {made.impostor:,} of two; left out: {left_out or 'nothing'}"
    )
    note(f"table of {made.table.signal}: {place}")


def thresholds(made: Made, sizes: list[int]) -> list[tuple[float, ...]]:
    """Registry size, and the similarity that a face must reach there at each rate."""
    similarity = made.table.strength.inverse()
    return [(size, *(round(similarity(at), 3) for at in row)) for size, row in made.table.table(sizes, RATES)]
