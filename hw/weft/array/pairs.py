"""The fast inner product: the numbers that its cells share.

Two products cost one multiplication (S. Winograd, 1968):

    (a0 + w1) (a1 + w0) = a0 w0 + a1 w1 + a0 a1 + w0 w1

The sum over all pairs is the inner product and two sums too many: that of a0 a1 does not depend on
the column, that of w0 w1 does not depend on the row of A. Each is computed once and taken away.

The sums a + w are made as T. E. Pogue and N. Nicolici do ("Fast Inner-Product Algorithms and
Architectures for Deep Neural Network Accelerators", IEEE Transactions on Computers, 2024): they
ride east in place of the activations, and each column adds the difference between its weight and
that of the column before. So a cell registers each sum once, and no activation beside it.
"""

from amaranth.hdl import Module, Shape, Value, signed
from amaranth.lib import data

from ..formats import width_for
from ..primitives.multiplier import multiply
from .arithmetic import Arithmetic


def operand_shape(arithmetic: Arithmetic) -> Shape:
    """An activation plus a weight. All sums on the way to it are taken modulo its width."""
    activation, weight = arithmetic.activation, arithmetic.weight
    low, high = activation.minimum + weight.minimum, activation.maximum + weight.maximum
    return signed(width_for(low, high))


def pair_layout(arithmetic: Arithmetic) -> data.ArrayLayout:
    """The two factors of a cell: a0 + w1 and a1 + w0."""
    return data.ArrayLayout(operand_shape(arithmetic), 2)


def difference_shape(arithmetic: Arithmetic) -> Shape:
    """The difference of two weights."""
    return signed(arithmetic.weight.width + 1)


def product_shape(arithmetic: Arithmetic) -> Shape:
    """The product of a pair, or as many of its low bits as a partial sum has."""
    return signed(min(2 * operand_shape(arithmetic).width, arithmetic.sum_width))


def multiply_pair(m: Module, platform, arithmetic: Arithmetic, pair: data.View) -> Value:
    """The product of two registered factors, `multiplier_stages` cycles later."""
    shape, stages = product_shape(arithmetic), arithmetic.multiplier_stages
    return multiply(m, platform, pair[0], pair[1], shape=shape, stages=stages)
