"""`lookalike evidence`, `verify` and `notice`: what a finding can prove, whether a bundle still does, and the letter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import configured, opened
from api.exits import Exit
from api.terminal import note, print_json, say

if TYPE_CHECKING:
    from api.evidence.verifying import Check

FINDING = typer.Argument(..., metavar="FINDING", help="The finding's id.")
WORDS = {True: "ok", False: "ALTERED", None: "not told"}


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("evidence")(evidence)
    app.command("verify")(verify)
    app.command("notice")(notice)


def evidence(
    ctx: typer.Context,
    finding: str = FINDING,
    out: Path = typer.Option(..., "--out", metavar="FILE.zip", help="Write the bundle there."),
) -> None:
    """Export a finding as a signed bundle: picture, plates, scores, consents, decision, audit excerpt, a PDF."""
    from api.evidence.exporting import export
    from api.outputs import require_safe

    require_safe({"--out": out}, ())
    with opened(ctx) as application:
        bundle = export(application, finding, "operator")
    _write(out, bundle)
    say(f"{out}  {len(bundle):,} bytes")
    note(f"next: lookalike verify {out}")


def verify(
    ctx: typer.Context,
    bundle: Path = typer.Argument(..., metavar="BUNDLE.zip"),
    public_key: Path | None = typer.Option(
        None,
        "--public-key",
        metavar="FILE",
        help="Whose signature is believed (hex or PEM); else the key of audit_key_file.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show whether a bundle was altered, and decide again from its inputs; offline. Ends with 1 when it was."""
    from api.evidence.verifying import verify as verified

    result = verified(_bytes(bundle), _trusted(ctx, public_key))
    if as_json:
        print_json(
            {
                "holds": result.holds,
                "finding": result.finding,
                "public_key": result.public_key,
                "checks": [_row(check) for check in result.checks],
            }
        )
    else:
        for check in result.checks:
            say(f"{WORDS[check.holds]:<8}  {check.name:<9}  {check.detail}")
        note(f"{bundle}: {'nothing was altered' if result.holds else 'it can not be relied on'}")
    raise typer.Exit(Exit.CLEAN if result.holds else Exit.FAILED)


def notice(
    ctx: typer.Context,
    finding: str = FINDING,
    jurisdictions: list[str] | None = typer.Option(
        None, "--jurisdiction", help="US-NY, EU, …; else those of notice_jurisdictions. Repeatable."
    ),
    out: Path | None = typer.Option(
        None, "--out", metavar="FILE", help="Write it there; else it is printed."
    ),
) -> None:
    """Draft a take-down notice. A draft, not legal advice: somebody entitled reads, completes and signs it."""
    from api.evidence.gathering import gather
    from api.evidence.notice import Sender, draft_notice
    from api.outputs import require_safe

    require_safe({"--out": out}, ())
    with opened(ctx) as application:
        settings = application.settings
        sender = Sender(
            jurisdictions or settings.notice_jurisdictions,
            settings.notice_contact or "",
            settings.notice_signature or "",
            settings.notice_folder,
        )
        text = draft_notice(gather(application.store, finding), sender, application.clock().date())
    if out is None:
        say(text.rstrip("\n"))
        return
    _write(out, text.encode())
    note(f"a draft, not legal advice: {out}")


def _row(check: Check) -> dict[str, Any]:
    return {"name": check.name, "holds": check.holds, "detail": check.detail}


def _trusted(ctx: typer.Context, public_key: Path | None) -> str | None:
    """Hex of the public key that is believed; None when nobody said. Raises UsageError."""
    from data.checkpoints import public_of, read_key, read_public_key

    if public_key is not None:
        return read_public_key(public_key)
    own = configured(ctx).settings.audit_key_file
    return None if own is None else public_of(read_key(own))


def _bytes(path: Path) -> bytes:
    from detector.errors import UnreadableInput

    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableInput(f"{path} can't be read ({error.strerror})") from error


def _write(out: Path, data: bytes) -> None:
    from detector.errors import UsageError

    try:
        out.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{out} can't be written ({error.strerror})") from error
