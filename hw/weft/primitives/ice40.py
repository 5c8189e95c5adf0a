"""The hard block of Lattice iCE40 UltraPlus: two multipliers of 8 x 8 bits.

Ports and parameters are those of Yosys's cell, whose model the benches use; Lattice describes the
block in its DSP function usage guide (FPGA-TN-02007).
"""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import registered
from ..matrix.config import MatrixUnitConfig

FAMILY = "ice40"

OPERAND_BITS = 8
# `O` as it is behind the registers of the two multipliers.
PRODUCTS = 2
# Inputs of what is not used: holds, resets, and the adders behind the multipliers.
IDLE = (
    *("AHOLD", "BHOLD", "CHOLD", "DHOLD", "OHOLDTOP", "OHOLDBOT"),
    *("IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "OLOADTOP", "OLOADBOT"),
    *("ADDSUBTOP", "ADDSUBBOT", "CI", "ACCUMCI", "SIGNEXTIN"),
)


class Ice40MultiplierPair(wiring.Component):
    """The products of two cells side by side in one SB_MAC16.

    Latency `multiplier_stages` cycles, 1 or more, the first of which is the block's own register.

    Parameters
    ----------
    config : MatrixUnitConfig
        With operands of at most 8 bits, at least one multiplier stage, and the plain inner
        product; see `fits`.

    Members
    -------
    activation_0, activation_1 : activation format in
    weight_0, weight_1 : weight format in
    product_0, product_1 : signed(config.product_width) out
    """

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        members = {}
        for index in range(2):
            members[f"activation_{index}"] = In(config.activation.shape)
            members[f"weight_{index}"] = In(config.weight.shape)
            members[f"product_{index}"] = Out(signed(config.product_width))
        super().__init__(members)

    @staticmethod
    def fits(config: MatrixUnitConfig) -> bool:
        """Whether the cells of a configuration can use the block."""
        widest = max(config.activation.width, config.weight.width)
        plain = config.inner_product == "plain"
        return plain and widest <= OPERAND_BITS and config.multiplier_stages >= 1

    def elaborate(self, platform):
        m = Module()
        config = self.config
        any_signed = config.activation.signed or config.weight.signed
        product_shape = (signed if any_signed else unsigned)(2 * OPERAND_BITS)
        out = Signal(4 * OPERAND_BITS)
        operands = {}
        for port, name, number in (
            ("A", "activation", config.activation),
            ("B", "weight", config.weight),
        ):
            extended = []
            for index in range(2):
                operand = Signal(
                    (signed if number.signed else unsigned)(OPERAND_BITS), name=f"{name}_of_{index}"
                )
                m.d.comb += operand.eq(getattr(self, f"{name}_{index}"))
                extended.append(operand)
            operands[f"i_{port}"] = Cat(*extended)
            operands[f"p_{port}_SIGNED"] = Const(number.signed)
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
        for index in range(2):
            product = Signal(product_shape, name=f"product_of_{index}")
            half = 2 * OPERAND_BITS * index
            m.d.comb += product.eq(out[half : half + 2 * OPERAND_BITS])
            stages = range(2, config.multiplier_stages + 1)
            product = registered(m, product, stages, f"product_of_{index}")
            m.d.comb += getattr(self, f"product_{index}").eq(product)
        return m
