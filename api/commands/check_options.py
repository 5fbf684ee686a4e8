"""The options that `check` and `scan` share: the use that is claimed, the moment, and where results go."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

USE, RESULTS = "The use that is claimed (a row's own column wins)", "Results"
REMOTE = "Another installation's service"


class FailOn(StrEnum):
    """Lowest severity that makes the command end with 3."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    NEVER = "never"


def _use(name: str, about: str, metavar: str = "TEXT") -> Any:
    return typer.Option(f"--{name}", help=about, metavar=metavar, rich_help_panel=USE)


def _result(name: str, about: str) -> Any:
    return typer.Option(f"--{name}", help=about, rich_help_panel=RESULTS)


Client = Annotated[str | None, _use("client", "Who uses the picture.")]
Medium = Annotated[
    str | None,
    _use("medium", "ecommerce, ooh, social_organic, social_paid, print, runway, tv or internal.", "MEDIUM"),
]
Purpose = Annotated[str | None, _use("purpose", "What for, as the consent record's purpose code says.")]
Territory = Annotated[str | None, _use("territory", "ISO 3166-1 alpha-2 code, or WORLD.", "CODE")]
PublishedAt = Annotated[str | None, _use("published-at", "When it was or will be published.", "DATE")]
MadeAt = Annotated[str | None, _use("made-at", "When it was made.", "DATE")]
SeenAt = Annotated[str | None, _use("seen-at", "When it was last seen online.", "DATE")]
DeclaredAi = Annotated[
    bool | None,
    typer.Option(
        "--declared-ai/--not-ai",
        help="Declared to be made or edited with AI, or declared not to be; neither: unknown.",
        rich_help_panel=USE,
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="The moment that the verdicts speak of; else now."),
]
Top = Annotated[
    int,
    typer.Option("--top", min=0, max=100, help="List this many candidates per face, also below threshold."),
]
Out = Annotated[Path | None, _result("out", "Write one JSON row per input, as it goes.")]
Html = Annotated[Path | None, _result("html", "Write the report as one self-contained page.")]
Csv = Annotated[Path | None, _result("csv", "Write the rows as a table, with the input's own columns.")]
Sarif = Annotated[Path | None, _result("sarif", "Write the flagged ones as SARIF 2.1.0, for a code host.")]
Junit = Annotated[Path | None, _result("junit", "Write a test case per picture as JUnit XML, for any CI.")]
HtmlLimit = Annotated[
    int,
    typer.Option(
        "--html-limit", min=1, help="Flagged pictures in the report, the gravest.", rich_help_panel=RESULTS
    ),
]
Resume = Annotated[bool, _result("resume", "Go on with the run that --out holds.")]
Overwrite = Annotated[bool, _result("overwrite", "Start over even if --out holds an unfinished run.")]
FailOnOption = Annotated[
    FailOn, _result("fail-on", "End with 3 when a picture is flagged this gravely or more.")
]
AsJson = Annotated[bool, _result("json", "Print the rows as JSON Lines instead of a table.")]
Remote = Annotated[
    str | None,
    typer.Option(
        "--remote", metavar="URL", help="Have the service at this address check them.", rich_help_panel=REMOTE
    ),
]
Private = Annotated[
    bool,
    typer.Option(
        "--private", help="Send what is computed here from the pictures, not them.", rich_help_panel=REMOTE
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file", metavar="FILE", help="The key; else LOOKALIKE_API_KEY.", rich_help_panel=REMOTE
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no table, no summary.")]
