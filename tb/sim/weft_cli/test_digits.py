"""The digits network: exact integers, a disjoint split, and the promised accuracy."""

import numpy as np
import pytest

from weft.matrix.config import SMALL
from weft_cli import digits, train_digits
from weft_model.reference import matmul
from weft_model.schedule import Schedule


@pytest.fixture(scope="module")
def held_out():
    return digits.held_out()


def multiply_as_unit(operands):
    return [matmul(SMALL, a, b) for a, b in operands]


def test_accuracy_is_near_that_of_the_float_network(held_out):
    images, labels = held_out
    parameters, _ = train_digits.stored_parameters()
    parent = train_digits.forward(parameters, train_digits.as_pixels(images))[-1]
    (scores,) = digits.load().forward([images])

    accuracy = digits.accuracy(scores, labels)
    assert accuracy >= 0.97
    assert abs(accuracy - digits.accuracy(parent, labels)) <= 0.005


def test_integers_only_and_in_range(held_out):
    images, _ = held_out
    for layer in digits.load().layers:
        a, b = layer.operands(images)
        (sums,) = multiply_as_unit([(a, b)])
        requantize = layer.requantize
        assert (a.dtype, b.dtype, sums.dtype) == (np.int8, np.int8, np.int32)
        assert b.min() >= -127
        assert requantize.bias.dtype == requantize.multiplier.dtype == np.int32
        assert requantize.shift.dtype == np.int8
        # Then (sum + bias) * multiplier + half stays within an int64.
        assert requantize.multiplier.min() >= 2**30
        assert requantize.shift.min() >= 1 and requantize.shift.max() <= 62
        assert np.abs(sums.astype(np.int64) + requantize.bias).max() < 2**31
        images = layer.finish(sums)
        assert images.dtype == np.int8
        assert images.min() >= requantize.minimum


def test_requantization_rounds_half_up_and_saturates():
    quarter = digits.Requantization(
        bias=np.array([1], np.int32),
        multiplier=np.array([2**30], np.int32),
        shift=np.array([32], np.int8),
        minimum=-128,
    )
    sums = np.array([[-2000], [-7], [-4], [-3], [0], [1], [2], [2000]], np.int32)
    assert quarter(sums).ravel().tolist() == [-128, -1, -1, 0, 0, 1, 1, 127]


@pytest.mark.parametrize("size", [1, 7, 60])
def test_batches_do_not_change_scores(held_out, size):
    images = held_out[0][:120]
    network = digits.load()
    (whole,) = network.forward([images])
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    assert np.array_equal(np.concatenate(network.forward(batches, multiply_as_unit)), whole)


def test_the_convolution_equals_sums_over_windows(held_out):
    image = held_out[0][0].astype(np.int32)
    layer = digits.load().layers[0]
    (sums,) = digits.multiply_in_numpy([layer.operands(held_out[0][:1])])
    kernel = layer.weights[:, 3].reshape(3, 3).astype(np.int32)
    around = np.pad(image, 1)
    for y, x in ((0, 0), (3, 4), (7, 7)):
        assert sums[8 * y + x, 3] == (around[y : y + 3, x : x + 3] * kernel).sum()


def test_the_split_is_disjoint_and_stratified(held_out):
    _, labels = digits.all_images()
    training, kept = train_digits.split(labels)
    with np.load(digits.PATH) as stored:
        assert np.array_equal(stored["held_out"], kept)
    assert sorted([*training, *kept]) == list(range(1797))
    assert len(held_out[0]) == len(held_out[1]) == 360
    shares = np.bincount(labels) * 360 / 1797
    assert np.abs(np.bincount(held_out[1]) - shares).max() < 1


def test_the_stored_integers_are_the_quantized_float_network():
    again = train_digits.quantize(*train_digits.stored_parameters())
    with np.load(digits.PATH) as stored:
        for name, array in again.items():
            assert array.dtype == stored[name].dtype
            assert np.array_equal(array, stored[name]), name


def test_the_scales_come_from_the_training_images():
    images, labels = digits.all_images()
    training, _ = train_digits.split(labels)
    parameters, scales = train_digits.stored_parameters()
    again = train_digits.calibrate(parameters, train_digits.as_pixels(images[training]))
    # Floating-point sums differ in their last bits between machines.
    assert np.allclose(again, scales, rtol=1e-5, atol=0)


def test_back_propagation_gives_the_gradients():
    images, labels = digits.all_images()
    pixels, labels = train_digits.as_pixels(images[:5]).astype(np.float64), labels[:5]
    source = np.random.default_rng(1)
    parameters = [p + 0.1 * source.standard_normal(p.shape) for p in train_digits.initial(source)]

    def loss():
        scores = train_digits.forward(parameters, pixels)[-1]
        return np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(5), labels])

    for p, gradient in zip(
        parameters, train_digits.gradients(parameters, pixels, labels), strict=True
    ):
        # The slope along the gradient is its length.
        length = np.linalg.norm(gradient)
        step = 1e-6 * gradient / length
        p += step
        above = loss()
        p -= 2 * step
        below = loss()
        p += step
        assert (above - below) / 2e-6 == pytest.approx(length, rel=1e-4)


def test_the_digits_take_few_enough_rows_to_simulate(held_out):
    rows = 0

    def multiply(operands):
        nonlocal rows
        for a, b in operands:
            schedule = Schedule(SMALL, *a.shape, b.shape[1])
            rows += sum(visit.rows for visit in schedule.visits())
        return digits.multiply_in_numpy(operands)

    digits.load().forward([held_out[0]], multiply)
    assert rows < 60_000


@pytest.mark.parametrize("change", [np.ma.array, np.int64, lambda images: images[:, :4], list])
def test_illegal_images_are_refused(held_out, change):
    with pytest.raises(ValueError, match=r"^a batch must be an unmasked int8 array of shape "):
        digits.load().forward([change(held_out[0][:2])])
