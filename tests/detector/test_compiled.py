"""Compiled networks between runs: the same answers, nothing damaged or foreign is used, and no failure is an error."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13 as ops
import pytest

from detector.compiled import CompiledCache
from detector.runtime import Network

BATCH = np.linspace(-1, 1, 2 * 3, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def cache(tmp_path: Path) -> CompiledCache:
    return CompiledCache(tmp_path / "compiled")


def saved(path: Path, factor: float) -> Path:
    """A network that multiplies by `factor`, as a file."""
    batch = ops.parameter([-1, 3], np.float32)
    product = ops.multiply(batch, np.float32(factor))
    product.output(0).get_tensor().set_names({"product"})
    openvino.save_model(openvino.Model([product], [batch]), path, compress_to_fp16=False)
    return path


def multiplied(path: Path, cache: CompiledCache) -> np.ndarray:
    return np.asarray(Network(path, (-1, 3), threads=1, cache=cache).run(BATCH)["product"])


def test_what_was_kept_is_read_and_nothing_else(cache: CompiledCache) -> None:
    assert cache.read("net", "key") is None
    cache.keep("net", "key", b"compiled")
    assert cache.read("net", "key") == b"compiled"
    assert cache.read("net", "another key") is None
    assert cache.read("other", "key") is None


def test_the_folder_is_private(cache: CompiledCache) -> None:
    cache.keep("net", "key", b"compiled")
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


def test_another_version_takes_the_place_of_the_old_one(cache: CompiledCache) -> None:
    for name, key in (("net-1", "old"), ("net-2", "old"), ("net-1", "new")):
        cache.keep(name, key, b"compiled")
    assert cache.read("net-1", "old") is None
    assert cache.read("net-1", "new") == b"compiled"
    assert cache.read("net-2", "old") == b"compiled"
    assert len(list(cache.folder.iterdir())) == 2


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_damaged_file_is_as_good_as_none(cache: CompiledCache, place: int) -> None:
    cache.keep("net", "key", bytes(100))
    (file,) = cache.folder.iterdir()
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    assert cache.read("net", "key") is None
    file.write_bytes(content[:20])
    assert cache.read("net", "key") is None


def test_a_folder_that_cannot_be_made_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = CompiledCache(tmp_path / "file" / "compiled")
    cache.keep("net", "key", b"compiled")
    assert cache.read("net", "key") is None
    assert np.array_equal(multiplied(saved(tmp_path / "net.xml", 3), cache), 3 * BATCH)


def test_a_network_from_the_cache_gives_the_same_answers(cache: CompiledCache, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.xml", 3)
    anew = multiplied(path, cache)
    (file,) = cache.folder.iterdir()
    kept = file.stat().st_mtime_ns
    assert np.array_equal(multiplied(path, cache), anew)
    assert file.stat().st_mtime_ns == kept


def test_other_weights_are_not_taken_from_the_cache(cache: CompiledCache, tmp_path: Path) -> None:
    """Also where only the file with the weights has changed."""
    path = saved(tmp_path / "net.xml", 3)
    structure = path.read_bytes()
    assert np.array_equal(multiplied(path, cache), 3 * BATCH)
    saved(path, 4)
    path.write_bytes(structure)
    assert np.array_equal(multiplied(path, cache), 4 * BATCH)


def test_a_compiled_form_that_openvino_refuses_is_made_anew(cache: CompiledCache, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.xml", 3)
    network = Network(path, (-1, 3), threads=1, cache=cache)
    name, key = network._named(openvino, openvino.Core())
    cache.keep(name, key, b"not a compiled network")
    assert np.array_equal(network.run(BATCH)["product"], 3 * BATCH)
    kept = cache.read(name, key)
    assert kept is not None
    assert kept != b"not a compiled network"
