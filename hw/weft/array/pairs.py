"""The fast inner product: shapes and layouts that its cells share.

Two products cost one multiplication (S. Winograd, 1968):

    (a0 + w1) (a1 + w0) = a0 w0 + a1 w1 + a0 a1 + w0 w1

The sum over all pairs is the inner product plus two other sums. The sum of a0 a1 does not depend on
the column, and the sum of w0 w1 does not depend on the row of A. The array computes each of them
once and subtracts it.

The sums a + w are computed as in T. E. Pogue and N. Nicolici, "Fast Inner-Product Algorithms and
Architectures for Deep Neural Network Accelerators", IEEE Transactions on Computers, 2024. The sums
move east in place of the activations, and each column adds the difference between its weight and
the weight of the column before. So a cell registers only the two sums and no activations.
"""

from amaranth.hdl import Module, Shape, Value, signed
from amaranth.lib import data

from ..blocks.lanes import Lanes
from ..formats import width_for
from ..primitives.multiplier import multiply
from .arithmetic import Arithmetic


def operand_shape(arithmetic: Arithmetic) -> Shape:
    """Return the shape of an activation plus a weight; sums wrap modulo its width on the way."""
    activation, weight = arithmetic.activation, arithmetic.weight
    low, high = activation.minimum + weight.minimum, activation.maximum + weight.maximum
    return signed(width_for(low, high))


def pair_layout(arithmetic: Arithmetic) -> Lanes:
    """Return the layout of the two factors of a cell: a0 + w1 and a1 + w0."""
    return Lanes(operand_shape(arithmetic), 2)


def difference_shape(arithmetic: Arithmetic) -> Shape:
    """Return the shape of the difference of two weights."""
    return signed(arithmetic.weight.width + 1)


def product_shape(arithmetic: Arithmetic) -> Shape:
    """Return the shape of the product of a pair, cut to the width of a partial sum."""
    return signed(min(2 * operand_shape(arithmetic).width, arithmetic.sum_width))


def multiply_pair(m: Module, platform, arithmetic: Arithmetic, pair: data.View) -> Value:
    """Return the product of two registered factors, `multiplier_stages` cycles later."""
    shape, stages = product_shape(arithmetic), arithmetic.multiplier_stages
    return multiply(m, platform, pair[0], pair[1], shape=shape, stages=stages)
