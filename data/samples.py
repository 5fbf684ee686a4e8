"""The sample portraits of `lookalike demo` and of the tests: found, pinned and fetched like the weights."""

from __future__ import annotations

from pathlib import Path

from data.weights import ReportsProgress, Sources, WeightsCache, sample_manifest


class SampleCache(WeightsCache):
    """The cache of the sample portraits, in `cache_dir`/samples."""

    def __init__(
        self,
        cache_dir: Path,
        offline: bool | None = None,
        progress: ReportsProgress = lambda _: None,
        *,
        sources: Sources | None = None,
    ) -> None:
        super().__init__(
            cache_dir, (), offline, progress, sources=sources, entries=sample_manifest(), folder="samples"
        )

    def ensure_all(self) -> Path:
        """The folder that holds every sample. Raises WeightsError."""
        places = [self.ensure(entry.name) for entry in sample_manifest()]
        return places[0].parent


def ensure_sample(cache_dir: Path, offline: bool | None = None) -> Path:
    """The folder with obama.jpg, obama2.jpg, obama3.jpg, biden.jpg and two partial faces. Raises
    WeightsError."""
    return SampleCache(cache_dir, offline).ensure_all()
