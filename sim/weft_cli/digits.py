"""The default job: classify handwritten digits with a small integer network.

Every layer is one matrix product int8 x int8 -> int32, which a function of the caller computes,
followed by integer arithmetic in numpy. `weft_cli.train_digits` writes the file that is read here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weft.checks import check, is_masked
from weft_sim.toolchain import require_packages

PATH = Path(__file__).with_name("digits.npz")
SIDE = 8
LARGEST_PIXEL = 16
KERNEL = 3

Operands = tuple[np.ndarray, np.ndarray]
Multiply = Callable[[list[Operands]], list[np.ndarray]]


def multiply_in_numpy(operands: list[Operands]) -> list[np.ndarray]:
    """Return each A . B of int8 as int32, as the matrix unit computes it."""
    return [a.astype(np.int32) @ b.astype(np.int32) for a, b in operands]


def patches(images: np.ndarray) -> np.ndarray:
    """Return the 3 x 3 neighbourhood of every pixel, with zeros outside the image (im2col).

    Parameters
    ----------
    images : ndarray of any dtype, (images, 8, 8)

    Returns
    -------
    ndarray of that dtype, (images * 64, 9)
    """
    margin = KERNEL // 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))
    return windows.reshape(-1, KERNEL * KERNEL)


def squares(rows: np.ndarray) -> np.ndarray:
    """Reshape pixels to 2 x 2 squares.

    From (images * 64, channels) to (images, 4, 2, 4, 2, channels).
    """
    return rows.reshape(-1, SIDE // 2, 2, SIDE // 2, 2, rows.shape[-1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Requantization:
    """Rescale sums to the int8 of the next layer, by an integer multiplier and a shift per output.

    (sum + bias) * multiplier / 2**shift, rounded half up and saturated to `minimum`..127. A
    minimum of 0 is ReLU.

    Parameters
    ----------
    bias, multiplier : ndarray of int32, (N,)
    shift : ndarray of int8, (N,), 1 to 62
    minimum : int
    """

    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    minimum: int

    def __call__(self, sums: np.ndarray) -> np.ndarray:
        """Return int8 for int32, both (M, N)."""
        shift = self.shift.astype(np.int64)
        half = np.int64(1) << (shift - 1)
        scaled = (sums.astype(np.int64) + self.bias) * self.multiplier
        return np.clip((scaled + half) >> shift, self.minimum, 127).astype(np.int8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution:
    """A 3 x 3 convolution of 8 x 8 images, its requantization, and 2 x 2 max pooling.

    Parameters
    ----------
    weights : ndarray of int8, (9, channels)
    """

    name: str
    weights: np.ndarray
    requantize: Requantization

    def operands(self, activations: np.ndarray) -> Operands:
        """Return A (images * 64, 9) and B (9, channels), int8, for int8 images (images, 8, 8)."""
        return patches(activations), self.weights

    def finish(self, sums: np.ndarray) -> np.ndarray:
        """Return int8 (images, 4, 4, channels) for int32 sums (images * 64, channels)."""
        return squares(self.requantize(sums)).max(axis=(2, 4))


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense:
    """A fully connected layer and its requantization.

    Parameters
    ----------
    weights : ndarray of int8, (K, N)
    """

    name: str
    weights: np.ndarray
    requantize: Requantization

    def operands(self, activations: np.ndarray) -> Operands:
        """Return A (images, K) and B (K, N), int8, for int8 activations (images, ...)."""
        return activations.reshape(len(activations), -1), self.weights

    def finish(self, sums: np.ndarray) -> np.ndarray:
        """Return int8 activations (images, N) for int32 sums (images, N)."""
        return self.requantize(sums)


@dataclass(frozen=True)
class Network:
    """The layers in order."""

    layers: tuple[Convolution | Dense, ...]

    def forward(
        self, batches: list[np.ndarray], multiply: Multiply = multiply_in_numpy
    ) -> list[np.ndarray]:
        """Return the scores of the ten digits; the first largest score gives the digit.

        Parameters
        ----------
        batches : list of ndarray of int8, (images, 8, 8)
        multiply : callable
            Called once per layer, with the operands of all batches; returns their int32 products.

        Returns
        -------
        list of ndarray of int8, (images, 10)

        Raises
        ------
        ValueError
            If a batch has another dtype or shape, or is masked.
        """
        for batch in batches:
            check(
                isinstance(batch, np.ndarray)
                and not is_masked(batch)
                and (batch.dtype, batch.shape[1:]) == (np.int8, (SIDE, SIDE)),
                f"a batch must be an unmasked int8 array of shape (images, {SIDE}, {SIDE})",
            )
        for layer in self.layers:
            products = multiply([layer.operands(batch) for batch in batches])
            batches = [layer.finish(sums) for sums in products]
        return batches


def load(path: Path = PATH) -> Network:
    """Load the trained network."""
    with np.load(path) as stored:
        return from_arrays(stored)


def from_arrays(arrays) -> Network:
    """Build the network from a mapping of arrays, with the names of `train_digits.quantize`."""
    return Network(
        (
            Convolution(name="convolution", **_stored(arrays, "convolution", minimum=0)),
            Dense(name="hidden", **_stored(arrays, "hidden", minimum=0)),
            Dense(name="output", **_stored(arrays, "output", minimum=-128)),
        )
    )


def _stored(arrays, name: str, *, minimum: int) -> dict:
    fields = {field: arrays[f"{name}.{field}"] for field in ("bias", "multiplier", "shift")}
    return {
        "weights": arrays[f"{name}.weights"],
        "requantize": Requantization(minimum=minimum, **fields),
    }


def all_images() -> tuple[np.ndarray, np.ndarray]:
    """Return all images, int8 (1797, 8, 8) of 0..16, and their digits, int64 (1797,).

    Raises
    ------
    ToolMissing
        If scikit-learn, which has the images, is not installed.
    """
    require_packages("sklearn")
    # Imported here because it takes a second and the layers alone do not need it.
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.asarray(pixels, np.int8).reshape(-1, SIDE, SIDE), np.asarray(labels, np.int64)


def held_out(path: Path = PATH) -> tuple[np.ndarray, np.ndarray]:
    """Return the images held out of training, int8 (360, 8, 8), and their digits, int64 (360,)."""
    with np.load(path) as stored:
        indices = stored["held_out"]
    images, labels = all_images()
    return images[indices], labels[indices]


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the fraction of images, 0 to 1, whose largest score, (images, 10), is their label."""
    return float(np.mean(scores.argmax(axis=1) == labels))
