"""Operands: every memory layout that a product accepts, and operands that it refuses."""

import warnings

import numpy as np


class Subclass(np.ndarray):
    """A subclass of ndarray."""


def _unaligned(matrix: np.ndarray) -> np.ndarray:
    """Return a copy of a matrix at an odd address."""
    memory = np.empty(matrix.nbytes + 1, np.uint8)
    odd = memory[1 - memory.ctypes.data % 2 :][: matrix.nbytes]
    unaligned = odd.view(matrix.dtype).reshape(matrix.shape)
    unaligned[...] = matrix
    return unaligned


def _mapped(matrix: np.ndarray, folder) -> np.ndarray:
    path = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(path, matrix)
    return np.load(path, mmap_mode="r")


def _numpy_matrix(matrix: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.matrix(matrix)


def _read_only(matrix: np.ndarray) -> np.ndarray:
    matrix = matrix.copy()
    matrix.setflags(write=False)
    return matrix


# Functions of a matrix of small numbers and a folder; each stores the same numbers another way.
LAYOUTS = {
    "int8": lambda matrix, folder: matrix.astype(np.int8),
    "int64": lambda matrix, folder: matrix.astype(np.int64),
    "long long": lambda matrix, folder: matrix.astype(np.longlong),
    "big endian": lambda matrix, folder: matrix.astype(">i2"),
    "Fortran order": lambda matrix, folder: np.asfortranarray(matrix.astype(np.int8)),
    "every other row": lambda matrix, folder: np.repeat(matrix.astype(np.int8), 2, axis=0)[::2],
    "every other column": lambda matrix, folder: np.repeat(matrix, 2, axis=1)[:, ::2],
    "backwards": lambda matrix, folder: matrix.astype(np.int8)[::-1, ::-1].copy()[::-1, ::-1],
    "read only": lambda matrix, folder: _read_only(matrix.astype(np.int8)),
    "unaligned": lambda matrix, folder: _unaligned(matrix.astype(np.int16)),
    "memory mapped": _mapped,
    "numpy.matrix": lambda matrix, folder: _numpy_matrix(matrix),
    "a subclass": lambda matrix, folder: matrix.view(Subclass),
    "lists": lambda matrix, folder: matrix.tolist(),
    "tuples of arrays": lambda matrix, folder: tuple(matrix),
}

ONES = np.ones((2, 2), np.int8)
PAIR = [(ONES, ONES)]
NO_INTEGERS = "must hold integers, not "
NO_MATRIX = "must be a matrix"
MASKED = "is masked, but a product cannot keep a mask"
# Illegal operands of int8, their error and the start of its message after the operand's name.
REFUSED = {
    "masked": (np.ma.array(ONES, mask=[[0, 1], [0, 0]]), TypeError, MASKED),
    "masked, but nothing is": (np.ma.array(ONES), TypeError, MASKED),
    "a list of masked rows": ([np.ma.array([1, 2], mask=[0, 1])], TypeError, MASKED),
    "a list with a masked number": ([[1, np.ma.masked]], TypeError, MASKED),
    "float integers": (ONES.astype(float), TypeError, NO_INTEGERS + "float64: quantize"),
    "a list of NaN": ([[1, float("nan")]], TypeError, NO_INTEGERS + "float64: quantize"),
    "bools": (ONES.astype(bool), TypeError, NO_INTEGERS + "bool: convert"),
    "complex": (ONES.astype(complex), TypeError, NO_INTEGERS + "complex128: convert"),
    "objects": (ONES.astype(object), TypeError, NO_INTEGERS + "object"),
    "huge integers": ([[1 << 70]], TypeError, NO_INTEGERS + "object"),
    "texts": (ONES.astype(str), TypeError, NO_INTEGERS),
    "times": (ONES.astype("m8[s]"), TypeError, NO_INTEGERS + "timedelta64"),
    "structured": (np.zeros((2, 2), "i1,i1"), TypeError, NO_INTEGERS),
    "None": (None, TypeError, NO_INTEGERS + "object"),
    "no dimension": (np.array(3), ValueError, NO_MATRIX),
    "one dimension": (np.arange(3), ValueError, NO_MATRIX),
    "three dimensions": (np.ones((2, 2, 2), np.int8), ValueError, NO_MATRIX),
    "no rows": (np.ones((0, 2), np.int8), ValueError, NO_MATRIX),
    "no columns": (np.ones((2, 0), np.int8), ValueError, NO_MATRIX),
    "ragged lists": ([[1, 2], [3]], ValueError, NO_MATRIX),
    "above int8": (np.full((2, 2), 128), ValueError, "holds 128, but int8 ranges from -128 to 127"),
    "below int8": (np.full((2, 2), -129), ValueError, "holds -129, but int8"),
    "above int64": (np.full((2, 2), 2**64 - 1, np.uint64), ValueError, f"holds {2**64 - 1}, but"),
    "big endian, above": (np.full((2, 2), 256, ">i2"), ValueError, "holds 256, but int8"),
}
