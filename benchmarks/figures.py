"""What a benchmark measured, as a file: `make bench` joins the files into one table, `benchmarks.report` draws.

A benchmark prints for people; with `--json FILE` it also writes one `Result`. Figures carry their goal, so that the
table can say which are met, and the peer's figure from the same run where there is a peer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Direction = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. goal: what was asked for, in the figure's unit; None when nothing was. peer: the other
    program's number from the same run."""

    name: str
    value: float
    unit: str
    direction: Direction = "at least"
    goal: float | None = None
    peer: float | None = None
    peer_name: str = ""

    @property
    def met(self) -> bool | None:
        """None without a goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.direction == "at least" else self.value <= self.goal


def machine_name() -> str:
    """Processor, cores and the widest vector instructions: what the figures depend on most."""
    flags = _cpu_field("flags").split()
    widest = next((flag for flag in ("amx_tile", "avx512f", "avx2") if flag in flags), "")
    name = _cpu_field("model name") or platform.processor() or platform.machine()
    return (
        f"{name}, {os.cpu_count()} cores{', ' + widest if widest else ''}, Python {platform.python_version()}"
    )


def heading(options: argparse.Namespace) -> str:
    """The first line that a benchmark prints: on what, and how it was asked."""
    return f"machine: {machine_name()}; options: {vars(options)}"


def _cpu_field(name: str) -> str:
    """A line of Linux's description of the first processor; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = (line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == name)
    return next(found, "")


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of one benchmark gave. series: numbers for the plots, by name."""

    command: str
    options: Mapping[str, str]
    seed: int | None
    figures: Sequence[Figure]
    series: Mapping[str, Any] = field(default_factory=dict)
    machine: str = field(default_factory=machine_name)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def of(
        cls,
        module: str,
        options: argparse.Namespace,
        figures: Iterable[Figure],
        series: Mapping[str, Any] | None = None,
    ) -> Result:
        """What a benchmark with these options found; its seed is the option of that name, where it has one."""
        chosen = {name: str(value) for name, value in vars(options).items() if name != "json"}
        seed = getattr(options, "seed", None)
        return cls(f"python -m benchmarks.{module}", chosen, seed, list(figures), series or {})

    @classmethod
    def read(cls, path: Path) -> Result:
        """Raises ValueError, KeyError or TypeError for a file that no benchmark wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**raw, "figures": [Figure(**figure) for figure in raw["figures"]]})
