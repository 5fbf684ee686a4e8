"""docs/cli.md says what the command line does: every command, every code of a rejected row."""

from __future__ import annotations

import re
from pathlib import Path

from typer.main import get_command

import api.importing
import api.roster
from api.commands import app
from api.exits import Exit
from indexer.judging import CODES

TEXT = (Path(__file__).parents[3] / "docs" / "cli.md").read_text("utf-8")


def test_every_command_is_named() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined] # Typer's own group type
    assert commands
    for name in commands:
        assert re.search(rf"`{name}\b", TEXT), name


def test_every_code_of_a_rejected_row_is_explained() -> None:
    raised = "".join(Path(str(module.__file__)).read_text("utf-8") for module in (api.roster, api.importing))
    own = set(re.findall(r'code ?= ?"(\w+)"', raised))
    assert own >= {"bad_row", "talent_differs"}
    for code in own | set(CODES):
        assert f"| `{code}` |" in TEXT, code


def test_every_exit_code_and_column_is_explained() -> None:
    for code in Exit:
        assert f"| {code.value} |" in TEXT
    for column in (*api.roster.REQUIRED, *api.roster.OPTIONAL):
        assert f"`{column}`" in TEXT, column
