"""FAISS's two brute-force kernels, as this project runs them: in the calling thread, with matrix products.

Both settings are about speed only. A matrix product spread over threads that other work keeps busy waits for
the slowest of them: 64 queries against 100,000 vectors took 2.9 s on two busy cores, and 0.12 s in one
thread. A service searches from several threads at once anyway. And some builds of FAISS never use a matrix
product unless told: then the same search takes 0.19 s of processor time instead of 0.03 s. Below four queries
it doesn't pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.ports import Vectors

MATRIX_PRODUCT_FROM = 4
"""Queries from which one matrix product beats a product per query."""


def nearest_by_product(
    queries: Vectors, matrix: Vectors, k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Inner products and rows of the k nearest per query, both (queries, k); row -1 where there is none."""
    # FAISS keeps this threshold for the whole process
    faiss.cvar.distance_compute_blas_threshold = MATRIX_PRODUCT_FROM
    with _calling_thread():
        products, rows = faiss.knn(
            np.ascontiguousarray(queries), matrix, min(k, len(matrix)), metric=faiss.METRIC_INNER_PRODUCT
        )
    return products, rows


def nearest_by_bits(codes: Vectors, matrix: Vectors, k: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Hamming distances and rows of the k nearest per code, both (codes, k); row -1 where there is none."""
    with _calling_thread():
        distances, rows = faiss.knn_hamming(np.ascontiguousarray(codes), matrix, min(k, len(matrix)))
    return distances, rows


@contextmanager
def _calling_thread() -> Iterator[None]:
    """OpenMP keeps the number of threads per calling thread: other threads' work is not affected."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
