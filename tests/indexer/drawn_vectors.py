"""Numbers and helpers of the index that several test files search and change."""

import numpy as np

N, D = 600, 24


def unit(matrix):
    matrix = matrix.astype(np.float64)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
