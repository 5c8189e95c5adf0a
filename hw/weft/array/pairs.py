"""The fast inner product: what its cells share.

Two products cost one multiplication (S. Winograd, 1968):

    (a0 + w1) (a1 + w0) = a0 w0 + a1 w1 + a0 a1 + w0 w1

The sum over all pairs is the inner product and two sums too many: that of a0 a1 does not depend on
the column, that of w0 w1 does not depend on the row of A. Each is computed once and taken away.

The sums a + w are made as T. E. Pogue and N. Nicolici do ("Fast Inner-Product Algorithms and
Architectures for Deep Neural Network Accelerators", IEEE Transactions on Computers, 2024): they
ride east in place of the activations, and each column adds the difference between its weight and
that of the column before. So a cell registers each sum once, and no activation beside it.
"""

from amaranth.hdl import Module, Shape, Signal, Value, signed
from amaranth.lib import data

from ..blocks.partial_sums import registered
from ..formats import width_for
from ..hierarchy import family_of, instantiate
from ..matrix.config import MatrixUnitConfig
from ..primitives import ecp5


def operand_shape(config: MatrixUnitConfig) -> Shape:
    """An activation plus a weight. All sums on the way to it are taken modulo its width."""
    activation, weight = config.activation, config.weight
    low, high = activation.minimum + weight.minimum, activation.maximum + weight.maximum
    return signed(width_for(low, high))


def pair_layout(config: MatrixUnitConfig) -> data.ArrayLayout:
    """The two factors of a cell: a0 + w1 and a1 + w0."""
    return data.ArrayLayout(operand_shape(config), 2)


def difference_shape(config: MatrixUnitConfig) -> Shape:
    """The difference of two weights."""
    return signed(config.weight.width + 1)


def product_shape(config: MatrixUnitConfig) -> Shape:
    """The product of a pair, or as many of its low bits as a partial sum has."""
    return signed(min(2 * operand_shape(config).width, config.sum_width))


def multiply(m: Module, platform, config: MatrixUnitConfig, first: Signal, second: Signal) -> Value:
    """The product of two registered factors, `multiplier_stages` cycles later."""
    fits = operand_shape(config).width <= ecp5.OPERAND_BITS
    if family_of(platform) == ecp5.FAMILY and fits:
        sizes = operand_shape(config).width, product_shape(config).width, config.multiplier_stages
        multiplier = instantiate(m, "multiplier", platform, ecp5.Ecp5PairMultiplier, *sizes)
        m.d.comb += [multiplier.first.eq(first), multiplier.second.eq(second)]
        return multiplier.product
    product = Signal(product_shape(config))
    m.d.comb += product.eq(first * second)
    return registered(m, product, range(1, config.multiplier_stages + 1), "product")
