"""What `check` and `scan` do once their options are read: run, report, print, and end with the right code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from api.commands.check_options import FailOn
from api.commands.session import opened
from api.outputs import require_safe
from api.reports.gallery import StoreGallery
from api.reports.jsonl import to_line
from api.reports.sarif import Dismissal
from api.reports.terminal import print_findings, summary_lines
from api.scan_run import Inputs, Machinery, Outputs, Parameters, Ran, Run, require_folders
from api.scanning import Scanner, ScanPlan, batch_for
from api.terminal import note, progress, say
from api.uses import parse_moment, use_from_options
from data.sources import file_item
from detector.decision import Severity
from detector.errors import UsageError
from detector.finding import Row
from detector.naming import is_flagged
from detector.use import Use

if TYPE_CHECKING:
    from api.composition import Application

INTERRUPTED = 130
LISTED = 20
"""Flagged pictures that a scan prints; the rest is in the files."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options, as the person gave them. `every_row`: print all rows (check), not only flagged ones
    (scan)."""

    use: Mapping[str, str | None]
    as_of: str | None
    top: int
    fail_on: FailOn
    as_json: bool
    quiet: bool
    every_row: bool


def run_and_exit(
    ctx: typer.Context,
    inputs: Inputs,
    outputs: Outputs,
    asked: Asked,
    machinery_for: Callable[[Application, Use, Asked], Machinery] | None = None,
) -> None:
    """Run to the end and leave with the exit code of docs/findings.md. `machinery_for`: what does the work, unless it is
    this installation."""
    use = use_from_options(asked.use)
    moment = parse_option("--as-of", asked.as_of)
    if outputs.resume and outputs.out is None:
        raise UsageError("--resume goes on with the rows of --out FILE; name that file")
    require_safe(outputs.files(), inputs.files)
    require_folders(outputs)
    with opened(ctx) as application:
        machinery = (machinery_for or machinery_of)(application, use, asked)
        with Run(inputs, outputs, Parameters(_options(asked), moment), machinery) as run:
            ran = _go(run, outputs)
            run.report()
            _print(run, ran, outputs, asked)
    if not ran.tally.inputs:
        note(f"nothing was checked: there is no picture in {inputs.label}")
    raise typer.Exit(ran.tally.exit_code(None if asked.fail_on is FailOn.NEVER else Severity(asked.fail_on)))


def parse_option(option: str, text: str | None) -> datetime | None:
    """The moment that an option names. Raises UsageError."""
    try:
        return None if text is None else parse_moment(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}.") from error


def _options(asked: Asked) -> dict[str, str]:
    """What a resumed run must be given again."""
    given = {name: text for name, text in asked.use.items() if text is not None}
    return {**given, "top": str(asked.top)}


def machinery_of(application: Application, use: Use, asked: Asked) -> Machinery:
    """The real machinery. Everything that threads share is built here, before they start."""
    detector = application.detector(top=asked.top)
    application.registry.refresh()
    for gap in application.gaps:
        note(str(gap))

    def refs(talents: Collection[str]) -> Mapping[str, str]:
        return application.store.talents.refs(sorted(talents))

    def scanner(at: datetime) -> Scanner:
        workers = application.threads
        batch = batch_for(application.settings.batch_size, workers)
        return Scanner(detector, refs, ScanPlan(at, use, batch, workers))

    return Machinery(
        scanner=scanner,
        gallery=gallery_of(application),
        signals=tuple(str(signal) for signal in application.extractor.made_by.ids),
        clock=application.clock,
        facts={
            "registered talents": str(application.registry.registry_size),
            "false positives": f"{application.settings.target_fpir:.1%} of strangers' faces, as calibrated",
            **({"not searched": "; ".join(map(str, application.gaps))} if application.gaps else {}),
        },
        dismissed=partial(dismissal, application, use.client),
        watch=partial(watched, asked.quiet),
    )


def dismissal(application: Application, client: str | None, row: Row) -> Dismissal | None:
    """What a person decided on the same picture, of the same client or of none, if it settles this row."""
    findings = application.store.findings
    before = findings.benign(row, client) or findings.benign(row, None)
    return None if before is None else Dismissal(before.id, str(before.state))


def gallery_of(application: Application) -> StoreGallery:
    """Pictures for reports: the checked ones from their files, references from the store."""
    return StoreGallery(application.store, lambda source: file_item(Path(source)).read(), application.decoder)


@contextmanager
def watched(quiet: bool, done: int, total: int) -> Iterator[Callable[[int], None]]:
    if quiet:
        yield lambda _steps: None
        return
    with progress("checking", total) as advance:
        advance(done)
        yield advance


def _go(run: Run, outputs: Outputs) -> Ran:
    try:
        return run.go()
    except KeyboardInterrupt:
        note(f"\nInterrupted. {_how_to_go_on(outputs)}")
        raise typer.Exit(INTERRUPTED) from None


def _how_to_go_on(outputs: Outputs) -> str:
    if outputs.out is None:
        return "Nothing was kept: with --out FILE a run can be resumed."
    command = [part for part in sys.argv[1:] if part not in ("--resume", "--overwrite")]
    return f"{outputs.out} holds whole rows; go on with:\n  {shlex.join(['lookalike', *command, '--resume'])}"


def _print(run: Run, ran: Ran, outputs: Outputs, asked: Asked) -> None:
    if asked.as_json:
        sys.stdout.writelines(to_line(row) for row in run.rows())
    elif not asked.quiet:
        _print_table(run, ran, asked)
    if asked.quiet:
        return
    for line in summary_lines(ran.tally, ran.made, ran.seconds):
        note(line) if asked.as_json else say(line)
    for name, path in zip(
        ("rows", "report", "table", "SARIF", "JUnit"), outputs.files().values(), strict=True
    ):
        if path is not None:
            note(f"{name}: {path.absolute()}")


def _print_table(run: Run, ran: Ran, asked: Asked) -> None:
    shown = run.rows() if asked.every_row else islice((row for row in run.rows() if is_flagged(row)), LISTED)
    print_findings(shown)
    if not asked.every_row and ran.tally.flagged > LISTED:
        say(f"… and {ran.tally.flagged - LISTED} more flagged")
