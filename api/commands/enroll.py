"""`lookalike enroll TALENT FILE…`: consented pictures of one person become references, each judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.exits import Exit
from api.terminal import print_json, print_table, progress
from detector.errors import UsageError

if TYPE_CHECKING:
    from api.composition import Application
    from data.store import Talent
    from detector.signals import Box
    from indexer.enrolment import EnrolmentRequest, EnrolmentResult

COLUMNS = ("image", "status", "code", "detail")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("enroll")(enroll)


def enroll(
    ctx: typer.Context,
    talent: str = typer.Argument(..., metavar="TALENT", help="The talent's reference or id."),
    files: list[Path] = typer.Argument(..., metavar="FILE…", help="Pictures of that person."),
    signed_at: str | None = typer.Option(
        None, "--release-signed-at", metavar="DATE", help="When the biometric release was signed."
    ),
    document: str | None = typer.Option(
        None,
        "--release-document",
        metavar="FILE",
        help="The signed release (its SHA-256 is kept), or its SHA-256.",
    ),
    retain_until: str | None = typer.Option(
        None, "--retain-until", metavar="DATE", help="How long the template may be kept; that day included."
    ),
    guardian: str | None = typer.Option(None, "--guardian", help="Who signed for a minor."),
    box: str | None = typer.Option(
        None, "--box", metavar="X,Y,W,H", help="Which face is meant, in pixels; for a single FILE."
    ),
    confirm: bool = typer.Option(
        False, "--confirm", help="You have looked: keep pictures that seem to show somebody else."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
) -> None:
    """Judge pictures as references and keep the good ones. Ends with 1 when one was rejected.

    Needs a biometric release: on record already, or given with --release-signed-at.
    """
    from api.roster import Release

    chosen = _parse_box(box, files)
    if signed_at is None and (document or retain_until or guardian):
        raise UsageError("the options of a release need --release-signed-at")
    release = Release(signed_at, retain_until, document, guardian) if signed_at else None
    with opened(ctx) as application:
        person = application.registration.talent(talent)
        if release is not None:
            application.registration.record_release(person, release)
        requests = _requests(application, person, files, box=chosen, confirmed=confirm)
        enroller = application.enroller
        with progress("enrolling", len(files)) as advance:
            results = []
            for result in enroller.enrol(requests, application.clock()):
                results.append(result)
                advance(1)
    _print(results, as_json)
    rejected = any(result.status == "rejected" for result in results)
    raise typer.Exit(Exit.FAILED if rejected else Exit.CLEAN)


def _requests(
    application: Application, person: Talent, files: Sequence[Path], *, box: Box | None, confirmed: bool
) -> list[EnrolmentRequest]:
    from data.sources import file_item
    from indexer.enrolment import EnrolmentRequest

    standing = application.registration.release_of(person)
    items = [file_item(path) for path in files]
    return [
        EnrolmentRequest(person.id, person.ref, item.source, item.read, standing, box, confirmed)
        for item in items
    ]


def _parse_box(text: str | None, files: Sequence[Path]) -> Box | None:
    from detector.signals import Box

    if text is None:
        return None
    if len(files) != 1:
        raise UsageError("--box means one face of one picture: give a single FILE with it")
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--box {text!r} is not of the form X,Y,W,H, such as 120,80,64,90") from None
    if not (0 < width < float("inf") and 0 < height < float("inf")):
        raise UsageError(f"--box {text!r} has no width or no height")
    return Box(x, y, width, height)


def _print(results: Sequence[EnrolmentResult], as_json: bool) -> None:
    rows = [_row(result) for result in results]
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


def _row(result: EnrolmentResult) -> dict[str, Any]:
    return {
        "talent_ref": result.talent_ref,
        "image": result.image,
        "status": str(result.status),
        "code": result.code,
        "detail": result.detail,
        "reference": result.reference_id,
        "box": None if result.box is None else _numbers(result.box),
        "boxes": [_numbers(each) for each in result.boxes],
    }


def _numbers(box: Box) -> list[float]:
    """x, y, width, height in pixels: the form that --box takes."""
    return [round(value, 1) for value in (box.x, box.y, box.width, box.height)]
