"""Errors become exit codes and sentences: here, once, for every command.

`TranslatingGroup` is the root of the command line. Whatever a command raises on purpose passes through
its `invoke`, which prints the sentence to standard error and ends with the code of `Exit`. A programming
error is not caught: its traceback is what a bug report needs.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from detector.errors import InvalidRecord, LookalikeError, UsageError


class Exit(IntEnum):
    """What the command ends with; the contract with scripts and CI (docs/cli.md)."""

    CLEAN = 0
    FAILED = 1
    USAGE = 2
    FLAGGED = 3
    NOTHING = 4


def exit_code(error: LookalikeError) -> Exit:
    return Exit.USAGE if isinstance(error, UsageError) else Exit.FAILED


def message(error: LookalikeError) -> str:
    """The sentence with its stable code; every fault of a consent record on a line of its own."""
    if isinstance(error, InvalidRecord):
        head = f"error: the consent record has {len(error.faults)} fault(s) [{error.code}]"
        return "\n".join((head, *(f"  - {fault}" for fault in error.faults)))
    return f"error: {error.detail} [{error.code}]"


class TranslatingGroup(TyperGroup):
    """The root command. `--debug` lets the traceback of a deliberate error through."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LookalikeError as error:
            if ctx.params.get("debug"):
                raise
            sys.stderr.write(message(error) + "\n")
            raise typer.Exit(exit_code(error)) from error
