"""`lookalike demo`: the main job on real portraits, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from api.commands.session import Invocation, configured

if TYPE_CHECKING:
    from rich.table import Table

    from api.composition import Application
    from api.demo import Scene
    from api.scan_run import Run
    from data.weights import Progress
    from detector.finding import Row

WIDTH = 120
"""Columns of the table where there is no terminal to ask."""

INVENTED = (
    "The consents are invented for this demonstration: the people in these public-domain portraits have granted "
    "nobody anything."
)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("demo")(demo)


def demo(
    ctx: typer.Context,
    folder: Path = typer.Option(
        Path("lookalike-demo"),
        "--dir",
        metavar="DIR",
        help="Where the demo lives; a new folder, or an earlier demo.",
    ),
) -> None:
    """Register two people, check ten pictures under several uses, and write the report.

    Works offline once the networks and portraits are in the cache. Touches nothing but DIR and the cache.
    """
    from api.demo import Samples, prepare, put_on_record, stage
    from api.downloads import download_bars
    from api.terminal import note

    scene = prepare(folder.absolute())
    with download_bars() as report, _application(ctx, scene, report) as application:
        now = application.clock()
        note("Networks and portraits …")
        samples = Samples(application.samples.ensure_all())
        stage(scene, samples, now)
        note("Registering two people, their releases, pictures and consents …")
        put_on_record(scene, application, now)
        note("Checking …")
        _check(scene, application)


def _application(ctx: typer.Context, scene: Scene, report: Callable[[Progress], None]) -> Application:
    """This installation with the demo's own state: networks and samples come from the person's cache."""
    from dataclasses import replace

    from api.composition import Application, Parts

    found = configured(ctx)
    own = {"state_dir": scene.state, "store_url": None, "image_network": None}
    settings = found.settings.model_copy(update=own)
    parts = cast(Invocation, ctx.obj).parts or Parts(progress=report)
    return Application(replace(found, settings=settings), parts)


def _check(scene: Scene, application: Application) -> None:
    from api.commands.check_options import FailOn
    from api.commands.running import Asked, machinery_of
    from api.runs import digest_of
    from api.scan_run import Inputs, Outputs, Parameters, Run
    from data.sources import open_source
    from detector.use import Use

    source = open_source(scene.manifest)
    inputs = Inputs(str(scene.manifest), lambda: source, digest_of(scene.manifest), "Demonstration")
    outputs = Outputs(
        scene.folder / "findings.jsonl", scene.folder / "report.html", scene.folder / "report.csv"
    )
    asked = Asked({}, None, 0, FailOn.NEVER, as_json=False, quiet=True, every_row=True)
    with Run(inputs, outputs, Parameters({}), machinery_of(application, Use(), asked)) as run:
        run.go()
        run.report()
        _show(run, scene)


def _show(run: Run, scene: Scene) -> None:
    from rich.console import Console

    from api.terminal import console, say

    out = console()
    (out if out.is_terminal else Console(width=WIDTH, highlight=False)).print(_table(run.rows()))
    say(INVENTED)
    say(f"\nReport: {scene.folder / 'report.html'}")
    say(f"Pictures, roster, consents and manifest to look at or start from: {scene.folder}")


def _table(rows: Iterator[Row]) -> Table:
    from rich.table import Table

    from api.demo import CASES
    from api.reports.terminal import verdict_text, who, why

    table = Table(show_lines=True)
    for heading, ratio in (("picture", 5), ("claimed use", 4), ("who", 3), ("verdict", 4), ("why", 10)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    for case, row in zip(CASES, rows, strict=True):
        table.add_row(case.about, _use_text(row["use"]), who(row), verdict_text(row), why(row))
    return table


def _use_text(use: Mapping[str, Any]) -> str:
    ai = {True: "AI: yes", False: "AI: no", None: "AI: unknown"}[use.get("declared_ai")]
    return "\n".join(part for part in (use.get("client", "client unknown"), use.get("medium"), ai) if part)
