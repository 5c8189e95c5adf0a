"""Train the digits network in float32, quantize it to int8 and write digits.npz.

The seed is fixed and training uses one thread, so one machine always writes the same bytes.
"""

import time
from pathlib import Path

import numpy as np

from . import digits
from .digits import KERNEL, LARGEST_PIXEL, PATH, SIDE, patches, squares

SEED = 0
HELD_OUT = 360
CHANNELS, HIDDEN, DIGITS = 16, 64, 10
EPOCHS = 200
BATCH = 32
RATE = 0.003
LAYERS = ("convolution", "hidden", "output")

# The float network: weights (K, N) and bias (N,) of each layer in order, float32.
Parameters = list[np.ndarray]
FLOAT_NAMES = [f"float.{name}.{part}" for name in LAYERS for part in ("weights", "bias")]


def split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return indices to train on, (1437,), and to hold out, (360,), stratified by digit."""
    from sklearn.model_selection import train_test_split

    training, held_out = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT, stratify=labels, random_state=SEED
    )
    return np.sort(training), np.sort(held_out)


def forward(parameters: Parameters, pixels: np.ndarray) -> list[np.ndarray]:
    """Return the output of every stage of the float network, float32.

    Parameters
    ----------
    pixels : ndarray of float32, (images, 8, 8), 0 to 1

    Returns
    -------
    list of ndarray
        Convolution (images, 4, 2, 4, 2, 16), pooled (images, 256), hidden (images, 64) and scores
        (images, 10).
    """
    kernel, kernel_bias, hidden, hidden_bias, output, output_bias = parameters
    convolved = squares(np.maximum(patches(pixels) @ kernel + kernel_bias, 0))
    pooled = convolved.max(axis=(2, 4)).reshape(len(pixels), -1)
    active = np.maximum(pooled @ hidden + hidden_bias, 0)
    return [convolved, pooled, active, active @ output + output_bias]


def gradients(parameters: Parameters, pixels: np.ndarray, labels: np.ndarray) -> Parameters:
    """Return the gradients of the mean cross entropy after softmax, by back-propagation."""
    _, _, hidden, _, output, _ = parameters
    convolved, pooled, active, scores = forward(parameters, pixels)

    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    to_scores = (chances - np.eye(DIGITS, dtype=np.float32)[labels]) / np.float32(len(labels))
    to_active = to_scores @ output.T * (active > 0)
    to_pooled = (to_active @ hidden.T).reshape(-1, SIDE // 2, 1, SIDE // 2, 1, CHANNELS)

    # Equal maxima of a square, such as in a blank part of the image, share its gradient.
    largest = convolved == pooled.reshape(to_pooled.shape)
    share = (largest & (convolved > 0)) / largest.sum(axis=(2, 4), keepdims=True, dtype=np.float32)
    to_convolved = (to_pooled * share).reshape(-1, CHANNELS)
    inputs = (patches(pixels), pooled, active)
    outputs = (to_convolved, to_active, to_scores)
    return [
        gradient
        for values, to_sums in zip(inputs, outputs, strict=True)
        for gradient in (values.T @ to_sums, to_sums.sum(axis=0))
    ]


def moved(pixels: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """Shift each image by up to one pixel in both directions; each shift is zero half the time."""
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)))
    places = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))
    down, right = source.binomial(2, 0.5, (2, len(pixels)))
    return places[np.arange(len(pixels)), down, right]


def initial(source: np.random.Generator) -> Parameters:
    """Return normal weights of variance 2 / K (He et al., 2015) and zero biases."""
    pooled = SIDE * SIDE // 4 * CHANNELS
    shapes = ((KERNEL * KERNEL, CHANNELS), (pooled, HIDDEN), (HIDDEN, DIGITS))
    parameters = []
    for k, n in shapes:
        weights = source.standard_normal((k, n), np.float32) * np.float32(np.sqrt(2 / k))
        parameters += [weights, np.zeros(n, np.float32)]
    return parameters


def train(pixels: np.ndarray, labels: np.ndarray) -> Parameters:
    """Minimize the cross entropy with Adam (Kingma and Ba, 2015); the rate falls to zero."""
    source = np.random.default_rng(SEED)
    parameters = initial(source)
    means = [np.zeros_like(p) for p in parameters]
    squared = [np.zeros_like(p) for p in parameters]
    step = 0
    for epoch in range(EPOCHS):
        rate = RATE * (1 - epoch / EPOCHS)
        order = source.permutation(len(pixels))
        for start in range(0, len(pixels), BATCH):
            chosen = order[start : start + BATCH]
            step += 1
            found = gradients(parameters, moved(pixels[chosen], source), labels[chosen])
            for p, mean, square, gradient in zip(parameters, means, squared, found, strict=True):
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient * gradient - square)
                p -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        if (epoch + 1) % 20 == 0:
            right = digits.accuracy(forward(parameters, pixels)[-1], labels)
            print(
                f"epoch {epoch + 1:3} of {EPOCHS}  training images correct {right:7.2%}", flush=True
            )
    return parameters


def calibrate(parameters: Parameters, pixels: np.ndarray) -> np.ndarray:
    """Return scales, float64 (4,): the value of one int8 step in the pixels and after each layer.

    A pixel is stored as it is, 0 to 16. After a layer, the largest magnitude over `pixels` is 127.
    """
    _, *stages = forward(parameters, pixels)
    largest = [float(np.abs(stage).max()) / 127 for stage in stages]
    return np.array([1 / LARGEST_PIXEL, *largest])


def quantize(parameters: Parameters, scales: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays of the integer network: symmetric int8 weights, one scale per output.

    Returns
    -------
    dict
        For each layer: weights, int8 (K, N), and for `digits.Requantization` bias and multiplier,
        int32 (N,), and shift, int8 (N,).
    """
    arrays = {}
    for i, name in enumerate(LAYERS):
        weights, bias = (p.astype(np.float64) for p in parameters[2 * i : 2 * i + 2])
        weight_scale = np.abs(weights).max(axis=0) / 127
        sum_scale = scales[i] * weight_scale
        mantissa, exponent = np.frexp(sum_scale / scales[i + 1])
        multiplier = np.minimum(np.rint(mantissa * 2**31), 2**31 - 1)
        arrays[f"{name}.weights"] = np.rint(weights / weight_scale).astype(np.int8)
        arrays[f"{name}.bias"] = np.rint(bias / sum_scale).astype(np.int32)
        arrays[f"{name}.multiplier"] = multiplier.astype(np.int32)
        arrays[f"{name}.shift"] = (31 - exponent).astype(np.int8)
    return arrays


def as_pixels(images: np.ndarray) -> np.ndarray:
    """Convert int8 images of 0..16 to float32 of 0 to 1."""
    return images.astype(np.float32) / np.float32(LARGEST_PIXEL)


def stored_parameters(path: Path = PATH) -> tuple[Parameters, np.ndarray]:
    """Load the float network and the scales from which the integer network was made."""
    with np.load(path) as stored:
        return [stored[name] for name in FLOAT_NAMES], stored["float.scales"]


def main(path: Path = PATH) -> None:
    """Train, quantize, write the file, and print the accuracy on the held-out images."""
    started = time.monotonic()
    images, labels = digits.all_images()
    # scikit-learn installs it.
    from threadpoolctl import threadpool_limits

    training, held_out = split(labels)
    pixels = as_pixels(images)
    with threadpool_limits(1):
        parameters = train(pixels[training], labels[training])
        scales = calibrate(parameters, pixels[training])
        float_scores = forward(parameters, pixels[held_out])[-1]

    arrays = quantize(parameters, scales) | {"held_out": held_out.astype(np.int16)}
    arrays |= dict(zip(FLOAT_NAMES, parameters, strict=True)) | {"float.scales": scales}
    np.savez(path, allow_pickle=False, **arrays)

    (scores,) = digits.load(path).forward([images[held_out]])
    for kind, found in (("float32", float_scores), ("int8", scores)):
        right = digits.accuracy(found, labels[held_out])
        print(f"{kind:7}  {right:.2%} of {HELD_OUT} held-out images correct")
    print(f"{path.name}: {path.stat().st_size:,} bytes, {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
