"""Products: portable, or in the hard multipliers of the FPGA family that a platform names."""

from amaranth.hdl import Module, Shape, Signal, Value

from ..blocks.registers import registered
from ..hierarchy import family_of, instantiate
from . import ecp5, ice40

# Bits of a signed operand that holds int8, uint8 or the sum of two int8.
NARROW_BITS = 9


def multiply(
    m: Module, platform, first: Value, second: Value, *, shape: Shape, stages: int
) -> Value:
    """Return the low bits of the product of two registered numbers, `stages` cycles later.

    Parameters
    ----------
    first, second : Value
        Signed, both of the same width.
    shape : Shape
        Shape of the product; signed.
    stages : int, 0 or more
        Registers behind the product.
    """
    width = first.shape().width
    if family_of(platform) == ecp5.FAMILY and width <= ecp5.OPERAND_BITS:
        block = instantiate(
            m,
            "multiplier",
            platform,
            ecp5.Ecp5Multiplier,
            width=width,
            product_width=shape.width,
            stages=stages,
        )
        m.d.comb += [block.first.eq(first), block.second.eq(second)]
        return block.product
    return _multiply_anywhere(m, first, second, shape=shape, stages=stages)


def multiply_by_stationary(
    m: Module,
    platform,
    *,
    operand_in: Value,
    operand: Value,
    shadow: Value,
    switch: Value,
    any_switch: Value,
    shape: Shape,
    stages: int,
) -> Value:
    """Return the product of a moving operand and one that stays until it is switched.

    The product of `operand_in` in cycle t is valid in cycle t + 1 + stages.

    Parameters
    ----------
    operand_in, operand : Value
        The moving operand, before and after its register.
    shadow, switch, any_switch
        As in `stationary`.
    shape : Shape
        Shape of the product; signed.
    stages : int, 0 or more
        Registers behind the product.
    """
    if family_of(platform) == ecp5.FAMILY:
        block = instantiate(
            m,
            "multiplier",
            platform,
            ecp5.Ecp5StationaryMultiplier,
            operand=operand.shape(),
            stationary=shadow.shape(),
            product_width=shape.width,
            stages=stages,
        )
        m.d.comb += [
            block.operand_in.eq(operand_in),
            block.shadow.eq(shadow),
            block.switch.eq(switch),
        ]
        return block.product
    weight = stationary(m, shadow=shadow, switch=switch, any_switch=any_switch, name="weight")
    return _multiply_anywhere(m, operand, weight, shape=shape, stages=stages)


def stationary(m: Module, *, shadow: Value, switch: Value, any_switch: Value, name: str) -> Signal:
    """Return a register that takes `shadow` when `switch` is high, and holds it otherwise.

    `any_switch` is high whenever `switch` is high for this register or one of its neighbours: while
    it is low, a simulator skips all of them in one step.
    """
    kept = Signal(shadow.shape(), name=name, reset_less=True)
    with m.If(any_switch & switch):
        m.d.sync += kept.eq(shadow)
    return kept


def shared_multiplier(
    platform, *, first: Shape, second: Shape, stages: int
) -> type[ice40.Ice40MultiplierPair] | None:
    """Return a component that multiplies for `lanes` neighbours at once, or None.

    Its parameters are `first`, `second`, `product_width` and `stages`. Its ports are `first_<i>`,
    `second_<i>` and `product_<i>` for each i below `lanes`. None means that each cell multiplies
    alone.
    """
    return _shared_in(family_of(platform), first=first, second=second, stages=stages)


def cells_per_block(family: str, *, first: Shape, second: Shape, stages: int) -> int:
    """Return how many neighbouring cells of a row share one hard multiplier."""
    shared = _shared_in(family, first=first, second=second, stages=stages)
    return shared.lanes if shared else 1


def products_per_block(
    family: str, *, first: Shape, second: Shape, stages: int, narrow: int, shared: bool
) -> int | None:
    """Return how many products per cycle one hard multiplier computes; None if LUTs do it.

    Parameters
    ----------
    family : str
        FPGA family.
    first, second : Shape
        Shapes of the operands.
    stages : int
        Registers behind the product.
    narrow : int
        Products per cycle if both operands fit NARROW_BITS as signed numbers.
    shared : bool
        Whether neighbouring cells can share one hard multiplier.
    """
    if family == ice40.FAMILY:
        fits = _shared_in(family, first=first, second=second, stages=stages)
        return narrow if shared and fits else None
    widest = max(shape.width + (not shape.signed) for shape in (first, second))
    return narrow if widest <= NARROW_BITS else 1


def _shared_in(
    family: str | None, *, first: Shape, second: Shape, stages: int
) -> type[ice40.Ice40MultiplierPair] | None:
    pair = ice40.Ice40MultiplierPair
    fits = family == ice40.FAMILY and pair.fits(first=first, second=second, stages=stages)
    return pair if fits else None


def _multiply_anywhere(
    m: Module, first: Value, second: Value, *, shape: Shape, stages: int
) -> Value:
    product = Signal(shape)
    m.d.comb += product.eq(first * second)
    return registered(m, product, stages=range(1, stages + 1), name="product")
