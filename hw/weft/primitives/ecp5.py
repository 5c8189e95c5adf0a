"""Hard blocks of Lattice ECP5: multipliers, and memories with an output register.

Ports and parameters follow the cells of Yosys; Lattice describes the blocks in its sysDSP and
sysMEM usage guides (FPGA-TN-02205, FPGA-TN-02204).
"""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.registers import registered

FAMILY = "ecp5"

OPERAND_BITS = 18
PRODUCT_BITS = 36

# Address bits of a block. BLOCK_SHAPES maps its depth to its width and to the number of low address
# bits that do not select a word.
BLOCK_ADDRESS_BITS = 14
BLOCK_SHAPES = {1024: (18, 4), 2048: (9, 3)}
LARGEST_DEPTH = max(BLOCK_SHAPES)

# Rows of the largest memory that is built of LUTs. A larger one would become a block memory without
# an output register, which is slow.
LUT_MEMORY_ROWS = 32


def _bus(direction: str, name: str, value) -> dict[str, object]:
    """Split a bus into one port per bit, as the primitives of Lattice require."""
    return {f"{direction}_{name}{bit}": value[bit] for bit in range(len(value))}


def _multiplier(
    m: Module, a: Value, b: Value, *, input: bool, pipeline: bool, output: bool, enable_b: Value
) -> Value:
    """Return the product from a MULT18X18D that uses some of its three register stages.

    The operands are aligned to the top bits of the block's operands: zeros below them need no
    wires, while sign bits above them would.
    """
    high_a, zeros_a = _at_the_high_end(a)
    high_b, zeros_b = _at_the_high_end(b)
    product = Signal(PRODUCT_BITS)
    clock = {True: "CLK0", False: "NONE"}
    m.submodules.block = Instance(
        "MULT18X18D",
        p_REG_INPUTA_CLK=clock[input],
        p_REG_INPUTB_CLK=clock[input],
        p_REG_PIPELINE_CLK=clock[pipeline],
        p_REG_OUTPUT_CLK=clock[output],
        p_REG_INPUTB_CE="CE1",
        p_GSR="DISABLED",
        **_bus("i", "A", high_a),
        **_bus("i", "B", high_b),
        **_bus("i", "C", Const(0, OPERAND_BITS)),
        **_bus("o", "P", product),
        i_SIGNEDA=Const(is_signed(a)),
        i_SIGNEDB=Const(is_signed(b)),
        i_SOURCEA=Const(0),
        i_SOURCEB=Const(0),
        i_CLK0=ClockSignal(),
        # Four neighbouring blocks share four clock enables; every constant one is high here.
        **_bus("i", "CE", Cat(Const(1), enable_b, Const(3, 2))),
        **_bus("i", "RST", Const(0, 4)),
    )
    return product[zeros_a + zeros_b :].as_signed()


def is_signed(operand: Value) -> bool:
    """Return whether the block treats an operand as signed: unless it needs all bits unsigned."""
    return operand.shape().signed or len(operand) < OPERAND_BITS


def _at_the_high_end(operand: Value) -> tuple[Value, int]:
    """Return an operand for the block, and the number of zeros below its value."""
    sign = Cat() if operand.shape().signed or not is_signed(operand) else Const(0, 1)
    zeros = OPERAND_BITS - len(operand) - len(sign)
    return Cat(Const(0, zeros), operand, sign), zeros


class Ecp5StationaryMultiplier(wiring.Component):
    """A stationary operand and its products in one MULT18X18D, using the registers of the block.

    The product of the operand of cycle t is valid in cycle t + 1 + stages.

    Parameters
    ----------
    operand, stationary : Shape
    product_width, stages : int

    Members
    -------
    operand_in : `operand` in
    shadow : `stationary` in. Becomes the operand in use when `switch` is high.
    switch : 1 bit in
    product : signed(product_width) out
    """

    def __init__(self, *, operand: Shape, stationary: Shape, product_width: int, stages: int):
        self.stages = stages
        super().__init__(
            {
                "operand_in": In(operand),
                "shadow": In(stationary),
                "switch": In(1),
                "product": Out(signed(product_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        product = _multiplier(
            m,
            self.operand_in,
            self.shadow,
            input=True,
            pipeline=self.stages >= 2,
            output=self.stages >= 1,
            enable_b=self.switch,
        )
        # The block has only three register stages.
        product = registered(m, product, stages=range(3, self.stages + 1), name="product")
        m.d.comb += self.product.eq(product)
        return m


class Ecp5Multiplier(wiring.Component):
    """The product of two registered numbers in one MULT18X18D, `stages` cycles later.

    The block has three register stages and reaches its full speed when all three are used; further
    stages are registers behind it.

    Parameters
    ----------
    width, product_width, stages : int

    Members
    -------
    first, second : signed(width) in
    product : signed(product_width) out. Low bits of the product.
    """

    def __init__(self, *, width: int, product_width: int, stages: int):
        self.stages = stages
        super().__init__(
            {
                "first": In(signed(width)),
                "second": In(signed(width)),
                "product": Out(signed(product_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        product = _multiplier(
            m,
            self.first,
            self.second,
            input=self.stages >= 3,
            pipeline=self.stages >= 2,
            output=self.stages >= 1,
            enable_b=Const(1),
        )
        product = registered(m, product, stages=range(4, self.stages + 1), name="product")
        m.d.comb += self.product.eq(product)
        return m


def add_memory(m: Module, memory) -> None:
    """Build a BlockMemory of at most LARGEST_DEPTH rows from DP16KD blocks.

    Its output register is the one in the blocks.
    """
    block_width, low = next(shape for depth, shape in BLOCK_SHAPES.items() if memory.depth <= depth)
    # In the widest shape, the low address bits are the byte enables of a write.
    enables = 2 if block_width == OPERAND_BITS else 0
    read_address = Signal(BLOCK_ADDRESS_BITS)
    write_address = Signal(BLOCK_ADDRESS_BITS)
    m.d.comb += [
        read_address[low:].eq(memory.read_row),
        write_address.eq(
            Cat(Const((1 << enables) - 1, enables), Const(0, low - enables), memory.write_row)
        ),
    ]
    for index, start in enumerate(range(0, memory.width, block_width)):
        stop = min(start + block_width, memory.width)
        written = Signal(OPERAND_BITS, name=f"written_{index}")
        out = Signal(OPERAND_BITS, name=f"out_{index}")
        m.d.comb += [
            written.eq(memory.i[start:stop]),
            memory.o[start:stop].eq(out),
        ]
        m.submodules[f"block_{index}"] = Instance(
            "DP16KD",
            p_DATA_WIDTH_A=block_width,
            p_DATA_WIDTH_B=block_width,
            p_REGMODE_A="NOREG",
            p_REGMODE_B="OUTREG",
            p_WRITEMODE_A="NORMAL",
            p_WRITEMODE_B="NORMAL",
            p_RESETMODE="SYNC",
            p_CSDECODE_A="0b000",
            p_CSDECODE_B="0b000",
            p_GSR="DISABLED",
            i_CLKA=ClockSignal(),
            i_CEA=Const(1),
            i_OCEA=Const(1),
            i_WEA=memory.write,
            i_RSTA=Const(0),
            **_bus("i", "CSA", Const(0, 3)),
            **_bus("i", "ADA", write_address),
            **_bus("i", "DIA", written),
            i_CLKB=ClockSignal(),
            i_CEB=Const(1),
            i_OCEB=Const(1),
            i_WEB=Const(0),
            i_RSTB=Const(0),
            **_bus("i", "CSB", Const(0, 3)),
            **_bus("i", "ADB", read_address),
            **_bus("i", "DIB", Const(0, OPERAND_BITS)),
            **_bus("o", "DOB", out),
        )
