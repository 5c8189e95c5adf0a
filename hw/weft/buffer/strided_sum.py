"""StridedSum: a number that grows by a stride with each iteration of nested loops."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


class StridedSum(wiring.Component):
    """The sum of an origin and, for each loop that has a stride, its iteration times its stride.

    Instead of multipliers, each loop has a register: the sum at the first iteration of all loops
    inside of it. When a loop goes on, its register grows by its stride, and those of the loops
    inside of it take the same value. One adder serves all loops.

    `value` is a register, of the current iteration of a LoopNest with the same `start`, `step` and
    `advances`. It wraps at its width.

    Parameters
    ----------
    width : int
        Bits of the sum, in two's complement.
    strides : tuple of int
        Bits of the stride of each loop, the outermost first; 0 for a loop without a stride.

    Members
    -------
    start : 1 bit in. Take `origin` and `strides`.
    origin : signed(width) in
    strides : a struct in, with a signed member for each loop that has a stride, named by its number
    step, advances : 1 bit in, and 1 bit in per loop, as in LoopNest
    value : signed(width) out
    """

    def __init__(self, *, width: int, strides: tuple[int, ...]):
        self.width = width
        self.stride_widths = strides
        layout = data.StructLayout(
            {str(loop): signed(bits) for loop, bits in enumerate(strides) if bits}
        )
        super().__init__(
            {
                "start": In(1),
                "origin": In(signed(width)),
                "strides": In(layout),
                "step": In(1),
                "advances": In(len(strides)),
                "value": Out(signed(width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        strides = Signal(self.strides.shape(), reset_less=True)
        # The sum outside of all loops that have a stride.
        origin = Signal(signed(self.width), reset_less=True)
        begun, stride, following = (
            Signal(signed(self.width), name=name) for name in ("begun", "stride", "following")
        )
        m.d.comb += following.eq(begun + stride)
        around = origin
        for loop, bits in enumerate(self.stride_widths):
            if bits:
                around = Signal(signed(self.width), name=f"begun_{loop}", reset_less=True)
                with m.If(self.start):
                    m.d.sync += around.eq(self.origin)
                with m.Elif(self.step & self.advances[: loop + 1].any()):
                    m.d.sync += around.eq(following)
            with m.If(self.advances[loop]):
                m.d.comb += begun.eq(around)
                if bits:
                    m.d.comb += stride.eq(strides[str(loop)])
        m.d.comb += self.value.eq(around)
        with m.If(self.start):
            m.d.sync += [strides.eq(self.strides), origin.eq(self.origin)]
        return m
