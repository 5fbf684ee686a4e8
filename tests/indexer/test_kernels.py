"""The kernels leave the process as they found it."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from indexer.kernels import nearest_by_bits, nearest_by_product


def test_other_work_keeps_its_threads() -> None:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(before + 1)
    try:
        nearest_by_product(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32), 2)
        nearest_by_bits(np.zeros((1, 8), np.uint8), np.zeros((2, 8), np.uint8), 2)
        with pytest.raises(AssertionError):
            nearest_by_product(np.eye(3, dtype=np.float32), np.eye(4, dtype=np.float32), 2)
        assert faiss.omp_get_max_threads() == before + 1
    finally:
        faiss.omp_set_num_threads(before)


@pytest.mark.parametrize("queries", [1, 3, 4, 64])
def test_queries_and_rows_may_be_views_of_any_layout(queries: int) -> None:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(50, 16)).astype(np.float32)[:37]
    asked = np.asfortranarray(random.normal(size=(queries, 16)).astype(np.float32))
    products, rows = nearest_by_product(asked, matrix, 5)
    expected = np.argsort(-(asked @ matrix.T), axis=1)[:, :5]
    assert np.array_equal(rows, expected)
    assert products == pytest.approx(np.take_along_axis(asked @ matrix.T, expected, axis=1), abs=1e-4)
