"""What reading a picture's credentials costs: `python -m benchmarks.credentials FOLDER`.

Every picture of the folder is read several times, in a fixed order, and the median of each counts. Beside it stands what
decoding the same picture costs, which every check pays anyway, and what the first manifest costs a process: loading the
library.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from detector.credentials.manifests import has_marker
from detector.credentials.reading import CredentialReader
from detector.decoding import FORMATS, DecodeLimits, decode
from detector.errors import InputError

TIMES = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="Write the figures as JSON.")
    asked = parser.parse_args()
    pictures = [path.read_bytes() for path in sorted(asked.folder.rglob("*")) if path.is_file()]
    figures = measure([data for data in pictures if _decodes(data)])
    for name, value in figures.items():
        print(f"{name:45} {value:.3f}")
    if asked.out:
        asked.out.write_text(json.dumps(figures, indent=2), "utf-8")


def measure(pictures: list[bytes]) -> dict[str, float]:
    """Median milliseconds a picture, by whether it may have a manifest."""
    reader = CredentialReader()
    signed = next((data for data in pictures if has_marker(data)), None)
    figures = (
        {}
        if signed is None
        else {"first manifest of a process, ms": _milliseconds(lambda: reader.read(signed))}
    )
    taken: dict[str, list[float]] = defaultdict(list)
    for data in pictures:
        kind = "with a manifest" if has_marker(data) else "without a manifest"
        taken[f"credentials, {kind}, ms"].append(_median(lambda data=data: reader.read(data)))
        taken[f"looking for the marker, {kind}, ms"].append(_median(lambda data=data: has_marker(data)))
        taken[f"decoding, {kind}, ms"].append(_median(lambda data=data: decode(data, DecodeLimits())))
        taken[f"bytes, {kind}, MB"].append(len(data) / 1e6)
    figures.update({name: statistics.median(values) for name, values in sorted(taken.items())})
    figures.update(
        {
            f"pictures, {kind}": float(len(taken[f"bytes, {kind}, MB"]))
            for kind in ("with a manifest", "without a manifest")
        }
    )
    return figures


def _median(step: Callable[[], object]) -> float:
    return statistics.median(_milliseconds(step) for _ in range(TIMES))


def _milliseconds(step: Callable[[], object]) -> float:
    started = time.perf_counter()
    step()
    return 1000 * (time.perf_counter() - started)


def _decodes(data: bytes) -> bool:
    try:
        decode(data, DecodeLimits(formats=FORMATS))
    except InputError:
        return False
    return True


if __name__ == "__main__":
    main()
