"""Face networks that a user brings along: one table of the settings file each, checked before anything loads.

    [face_networks.mine]
    file = "nets/mine.onnx"
    sha256 = "…"
    licence = "of our own making"
    commercial = true
    dimension = 512

A file can't be told from another by its name, so its SHA-256 is stated, or the user says that any will do. Either
way twelve digits of the SHA-256 it has are part of the signal id: another file is another signal.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from detector.faces.recogniser import ChannelOrder, FaceNetwork

NetworkName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
"""Part of the signal id, so it holds none of the id's own separators."""


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - resolve() would follow links the user chose


class OwnFaceNetwork(BaseModel):
    """One ONNX recogniser of aligned 112 x 112 crops; fields as in `detector.faces.recogniser.FaceNetwork`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    file: Annotated[Path, AfterValidator(_absolute)]
    licence: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    commercial: bool
    dimension: Annotated[int, Field(ge=8, le=65536)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", to_lower=True)] | None = None
    accept_unpinned: bool = False
    revision: NetworkName = "1"
    mean: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    std: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    order: ChannelOrder = ChannelOrder.RGB
    output: str | None = None
    mirror: bool = True

    def network(self, name: str, sha256: str) -> FaceNetwork:
        """The description of the file that has this SHA-256."""
        revision = f"{self.revision}-{sha256[:12]}"
        fed = self.model_dump(include={"dimension", "mean", "std", "order", "output", "mirror"})
        return FaceNetwork(name, revision, **fed)


def from_text(value: object) -> object:
    """A variable holds the tables as JSON; the file has them as TOML."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.strip() else {}


def anchored(networks: Any, folder: Path) -> Any:
    """Relative files are meant from the settings file's folder; what is no table is left to the check."""
    if not isinstance(networks, dict):
        return networks
    return {name: _anchored_table(table, folder) for name, table in networks.items()}


def _anchored_table(table: Any, folder: Path) -> Any:
    if not isinstance(table, dict) or not isinstance(table.get("file"), str):
        return table
    return {**table, "file": str(folder / Path(table["file"]).expanduser())}
