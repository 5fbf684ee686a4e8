"""A look at every byte of the state directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class State:
    """The state directory: all files with their bytes, whatever they are."""

    folder: Path

    def files(self) -> dict[str, bytes]:
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    def where(self, *traces: bytes) -> dict[bytes, list[str]]:
        """The files in which each trace is found; traces that are nowhere are left out."""
        files = self.files()
        found = {trace: [name for name, data in files.items() if trace in data] for trace in traces}
        return {trace: names for trace, names in found.items() if names}
