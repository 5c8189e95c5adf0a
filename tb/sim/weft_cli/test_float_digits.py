"""The digits in floats: operands in the formats of the unit, and the accuracy of each format."""

import dataclasses

import numpy as np
import pytest

from weft.matrix.config import SMALL
from weft_cli import digits, train_digits
from weft_cli.float_digits import FloatNetwork
from weft_model.reference import matmul


def in_format(name, **options):
    return dataclasses.replace(SMALL, activation=name, weight=name, accumulator_width=0, **options)


def accuracy_of(config):
    """Return the accuracy with products as the unit computes them, and the operands' dtypes."""
    parameters, _ = train_digits.stored_parameters()
    images, labels = digits.held_out()
    dtypes = set()

    def multiply(operands):
        dtypes.update((a.dtype, b.dtype) for a, b in operands)
        return [matmul(config, a, b) for a, b in operands]

    (scores,) = FloatNetwork.of(config, parameters).forward([images], multiply)
    return digits.accuracy(scores, labels), dtypes


@pytest.mark.parametrize(
    "name, least", [("bfloat16", 0.99), ("float8_e4m3fn", 0.99), ("float6_e2m3fn", 0.98)]
)
def test_accuracy_is_near_that_of_float32(name, least):
    config = in_format(name)
    accuracy, dtypes = accuracy_of(config)
    assert accuracy >= least
    assert dtypes == {(config.activation.default.dtype, config.weight.default.dtype)}


def test_results_can_be_bfloat16():
    assert accuracy_of(in_format("bfloat16", result="bfloat16"))[0] >= 0.99


def test_float32_operands_give_the_scores_of_the_parent():
    parameters, _ = train_digits.stored_parameters()
    images, _ = digits.held_out()
    network = FloatNetwork(parameters=parameters, activation=np.dtype("f4"), weight=np.dtype("f4"))
    (scores,) = network.forward([images], lambda operands: [a @ b for a, b in operands])
    expected = train_digits.forward(parameters, train_digits.as_pixels(images))[-1]
    assert np.allclose(scores, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "changes, what",
    [
        ({"weight": "int8"}, "weight must be a float for digits in floats, not int8"),
        ({"result": "integer"}, "result must be a float for digits in floats, not int"),
    ],
)
def test_a_unit_without_floats_is_refused(changes, what):
    config = dataclasses.replace(in_format("float6_e2m3fn"), accumulator_width=0, **changes)
    with pytest.raises(ValueError, match=what):
        FloatNetwork.of(config, [])
