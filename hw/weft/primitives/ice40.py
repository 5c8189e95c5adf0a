"""The hard block of Lattice iCE40 UltraPlus: two multipliers of 8 x 8 bits.

Ports and parameters follow the cell of Yosys, whose model the benches use; Lattice describes the
block in its DSP function usage guide (FPGA-TN-02007).
"""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.registers import registered

FAMILY = "ice40"

OPERAND_BITS = 8
# Output select: `O` is driven by the registers behind the two multipliers.
PRODUCTS = 2
# Inputs of unused functions: holds, resets, and the adders behind the multipliers.
IDLE = (
    *("AHOLD", "BHOLD", "CHOLD", "DHOLD", "OHOLDTOP", "OHOLDBOT"),
    *("IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "OLOADTOP", "OLOADBOT"),
    *("ADDSUBTOP", "ADDSUBBOT", "CI", "ACCUMCI", "SIGNEXTIN"),
)


class Ice40MultiplierPair(wiring.Component):
    """The products of two neighbouring cells in one SB_MAC16.

    Latency `stages` cycles, 1 or more; the first stage is the register of the block.

    Parameters
    ----------
    first, second : Shape
        Shapes of the operands; see `fits`.
    product_width, stages : int

    Members
    -------
    first_0, first_1 : `first` in
    second_0, second_1 : `second` in
    product_0, product_1 : signed(product_width) out
    """

    lanes = 2

    def __init__(self, *, first: Shape, second: Shape, product_width: int, stages: int):
        self.first = first
        self.second = second
        self.stages = stages
        members = {}
        for lane in range(self.lanes):
            members[f"first_{lane}"] = In(first)
            members[f"second_{lane}"] = In(second)
            members[f"product_{lane}"] = Out(signed(product_width))
        super().__init__(members)

    @staticmethod
    def fits(*, first: Shape, second: Shape, stages: int) -> bool:
        """Return whether the operands fit the block and its register is needed."""
        return max(first.width, second.width) <= OPERAND_BITS and stages >= 1

    def elaborate(self, platform):
        m = Module()
        product_shape = Shape(2 * OPERAND_BITS, self.first.signed or self.second.signed)
        out = Signal(4 * OPERAND_BITS)
        operands = {}
        for port, name, shape in ("A", "first", self.first), ("B", "second", self.second):
            extended = []
            for lane in range(self.lanes):
                operand = Signal(Shape(OPERAND_BITS, shape.signed), name=f"{name}_of_{lane}")
                m.d.comb += operand.eq(getattr(self, f"{name}_{lane}"))
                extended.append(operand)
            operands[f"i_{port}"] = Cat(*extended)
            operands[f"p_{port}_SIGNED"] = Const(shape.signed)
        m.submodules.block = Instance(
            "SB_MAC16",
            p_MODE_8x8=Const(1),
            p_TOP_8x8_MULT_REG=Const(1),
            p_BOT_8x8_MULT_REG=Const(1),
            p_TOPOUTPUT_SELECT=Const(PRODUCTS, 2),
            p_BOTOUTPUT_SELECT=Const(PRODUCTS, 2),
            **operands,
            i_C=Const(0, 16),
            i_D=Const(0, 16),
            **{f"i_{name}": Const(0) for name in IDLE},
            i_CLK=ClockSignal(),
            i_CE=Const(1),
            o_O=out,
        )
        for lane in range(self.lanes):
            product = Signal(product_shape, name=f"product_of_{lane}")
            low = 2 * OPERAND_BITS * lane
            m.d.comb += product.eq(out[low : low + 2 * OPERAND_BITS])
            stages = range(2, self.stages + 1)
            product = registered(m, product, stages=stages, name=f"product_of_{lane}")
            m.d.comb += getattr(self, f"product_{lane}").eq(product)
        return m
