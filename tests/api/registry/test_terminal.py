"""What is printed where: drawn on a terminal, plain in a pipe, nothing that a name could smuggle in."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import pytest

from api.terminal import note, print_facts, print_json, print_table, progress, say

ROWS = [("ref_01m86jfawn07a4nw3wsm", "/a/rather/long/path/to/a/picture/of/somebody.jpg", None, True)]
COLUMNS = ("id", "source", "agency", "minor")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], AbstractContextManager[Terminal]]:
    """Both streams as one terminal of so many columns."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    @contextmanager
    def on_terminal(columns: int = 80) -> Iterator[Terminal]:
        monkeypatch.setenv("COLUMNS", str(columns))
        stream = Terminal()
        with redirect_stdout(stream), redirect_stderr(stream):
            yield stream

    return on_terminal


def test_a_pipe_gets_one_aligned_line_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, [*ROWS, ("x", "y", "z", False)])
    head, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["ref_01m86jfawn07a4nw3wsm", ROWS[0][1], "-", "yes"]
    assert first.index("yes") == second.index("no") == head.index("minor")


def test_a_narrow_terminal_folds_only_the_widest_column(terminal: Any) -> None:
    with terminal(80) as stream:
        print_table(COLUMNS, ROWS)
    assert "ref_01m86jfawn07a4nw3wsm" in stream.getvalue()
    assert "─" in stream.getvalue()
    assert str(ROWS[0][1]) not in stream.getvalue()


def test_a_terminal_too_narrow_for_a_table_gets_whole_lines(terminal: Any) -> None:
    with terminal(40) as stream:
        print_table(COLUMNS, ROWS)
    assert str(ROWS[0][1]) in stream.getvalue()


@pytest.mark.parametrize(
    "write", [say, note, lambda t: print_table(("a",), [(t,)]), lambda t: print_facts({"a": t})]
)
def test_control_characters_never_reach_the_terminal(terminal: Any, write: Callable[[str], None]) -> None:
    with terminal() as stream:
        write("\x1b]0;owned\x07name\x9b31m")
    assert "name" in stream.getvalue()
    assert not [code for code in ("\x1b]", "\x07", "\x9b") if code in stream.getvalue()]


def test_an_empty_table_is_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, [])
    assert capsys.readouterr().out == "id  source  agency  minor\n"


def test_json_keeps_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Ünal"})
    assert '"Ünal"' in capsys.readouterr().out


def test_progress_shows_on_a_terminal(terminal: Any) -> None:
    with terminal() as stream, progress("importing", 2) as advance:
        advance(2)
    assert "importing" in stream.getvalue()
    assert "2/2" in stream.getvalue()


def test_progress_in_a_pipe_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("importing", 2) as advance:
        advance(2)
    assert capsys.readouterr() == ("", "")
