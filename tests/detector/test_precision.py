"""bfloat16 only where the processor has it and the vectors stay the same; the networks' own answers in either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13 as ops
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.compiled import CompiledCache
from detector.faces.recogniser import Recogniser
from detector.faces.sface import SFACE
from detector.precision import ABSENT, MOST, PINNED, Choice, Precision, Probe, choose, difference, faces_probe
from detector.runtime import Network

EXACT = np.eye(3, 8, dtype=np.float32)
MACHINE = tuple(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def turned(by: float) -> np.ndarray:
    """Each row of EXACT turned so that one less its cosine is `by`."""
    vectors = EXACT * np.float32(1 - by)
    vectors[:, 7] = np.sqrt(1 - (1 - by) ** 2)
    return vectors


def answers(by: float) -> Callable[[Precision], np.ndarray]:
    return lambda precision: EXACT if precision is Precision.FLOAT32 else turned(by)


def test_nothing_is_run_where_the_processor_has_no_bfloat16() -> None:
    def never(_: Precision) -> np.ndarray:
        raise AssertionError("nothing is to be chosen")

    assert choose(("FP32", "INT8"), never) == ABSENT


@pytest.mark.parametrize(
    ("by", "precision"),
    [(0.0, "bf16"), (2e-4, "bf16"), (MOST * 0.9, "bf16"), (MOST * 1.2, "f32"), (0.5, "f32")],
)
def test_bfloat16_is_taken_while_no_vector_turns_too_far(by: float, precision: str) -> None:
    choice = choose(("FP32", "BF16"), answers(by))
    assert choice.precision == precision
    assert f"{difference(EXACT, turned(by)):.1e}" in choice.why


@pytest.mark.parametrize("broken", [np.nan, np.inf, 0.0])
def test_a_network_that_breaks_in_bfloat16_stays_in_float32(broken: float) -> None:
    spoilt = np.full_like(EXACT, broken)
    choice = choose(("BF16",), lambda precision: EXACT if precision is Precision.FLOAT32 else spoilt)
    assert choice.precision is Precision.FLOAT32


@given(st.floats(0, 1), st.floats(0.01, 100))
def test_length_does_not_count_and_the_worst_row_does(by: float, length: float) -> None:
    vectors = turned(by) * np.float32(length)
    vectors[0] = EXACT[0]
    assert difference(EXACT, vectors) == pytest.approx(by, abs=1e-5)


def summing(path: Path) -> Path:
    """A network that adds a picture's numbers up, weighed."""
    batch = ops.parameter([-1, 6], np.float32)
    weights = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    product = ops.matmul(batch, ops.constant(weights), False, False)
    product.output(0).get_tensor().set_names({"sums"})
    openvino.save_model(openvino.Model([product], [batch]), path, compress_to_fp16=False)
    return path


def test_a_network_without_a_probe_is_float32_and_one_with_a_probe_follows_the_machine(
    tmp_path: Path,
) -> None:
    file, batch = summing(tmp_path / "sums.xml"), np.arange(12, dtype=np.float32).reshape(2, 6) + 1
    plain = Network(file, (-1, 6), threads=1)
    asked = Network(file, (-1, 6), threads=1, probe=Probe(batch, "sums"))
    assert plain.choice == PINNED
    assert (asked.choice == ABSENT) == ("BF16" not in MACHINE)
    assert difference(plain.run(batch)["sums"], asked.run(batch)["sums"]) <= MOST


def test_what_was_chosen_on_this_machine_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with bfloat16 is pretended: OpenVINO then answers in what the real one can do."""
    monkeypatch.setattr("detector.runtime.CAPABILITY", MACHINE[0])
    monkeypatch.setattr("detector.precision.CAPABILITY", MACHINE[0])
    file, batch = summing(tmp_path / "sums.xml"), np.ones((2, 6), np.float32)
    cache = CompiledCache(tmp_path / "compiled")
    asked: list[Precision] = []

    class Counted(Network):
        def _asked(self, *given: object) -> np.ndarray:
            asked.append(given[-1])  # type: ignore[arg-type] # the precision comes last
            return super()._asked(*given)  # type: ignore[arg-type] # passed on as it came

    first = Counted(file, (-1, 6), threads=1, cache=cache, probe=Probe(batch, "sums"))
    again = Counted(file, (-1, 6), threads=1, cache=cache, probe=Probe(batch, "sums"))
    assert first.choice.precision is Precision.BFLOAT16
    assert asked == [Precision.FLOAT32, Precision.BFLOAT16]
    assert again.choice == first.choice
    assert len(asked) == 2
    np.testing.assert_allclose(first.run(batch)["sums"], again.run(batch)["sums"])


def test_the_probe_is_always_the_same_and_has_the_range_of_pictures() -> None:
    probe = faces_probe(2)
    np.testing.assert_array_equal(probe, faces_probe(2))
    assert probe.shape == (2, 3, 112, 112)
    assert probe.min() >= 0
    assert probe.max() <= 255
    assert probe.std() > 20


@pytest.mark.weights
def test_the_recogniser_gives_the_same_vectors_in_the_precision_that_was_chosen(weights_dir: Path) -> None:
    file = next(weights_dir.glob("*sface*.onnx"))
    crops = [np.ascontiguousarray(one.transpose(1, 2, 0).astype(np.uint8)) for one in faces_probe()]
    exact, chosen = Recogniser(SFACE, file, threads=1), Recogniser(SFACE, file, threads=1, bfloat16=True)
    assert isinstance(chosen.choice, Choice)
    assert difference(exact.vectors(crops), chosen.vectors(crops)) <= MOST
