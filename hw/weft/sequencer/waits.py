"""Waits: count the instructions of each unit, so that others can wait for them."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .ports import count_bits, wait_layout


class Waits(wiring.Component):
    """Count dispatched and finished instructions, and number those that a wait is about.

    A wait of k for a unit means: at most k - 1 of the instructions given to that unit before this
    one may be unfinished. If D instructions have been given to it, numbered from 0, this is so once
    number D - k has finished, that is, when more than D - k have finished. If k is 0 or greater
    than D, there is nothing to wait for.

    Since counts are cleared before they exceed `most`, they never wrap, and no comparison is
    ambiguous. An instruction that waits for nothing must not store D - k: that is negative.

    Latency 0 cycles from `waits` to `waited`; 1 cycle from `dispatches`, `finishes` and `clear` to
    `waited`, `finished` and `idle`. Never stalls.

    Parameters
    ----------
    units : int
    wait_width : int
        Bits of a wait.
    most : int
        Instructions, of all units together, that are dispatched before the counts are cleared.

    Members
    -------
    dispatches, finishes : `units` bits in. The unit is given an instruction, or finishes one.
    clear : 1 bit in. Clear all counts; everything has finished, or is discarded.
    waits : wait_width bits per unit, in. The waits of the next instruction.
    waited : wait_layout(most) per unit, out. The same, as numbers of instructions.
    finished : count of the finished instructions of each unit, out
    idle : 1 bit out. Everything has finished.
    """

    latency = 1

    def __init__(self, *, units: int, wait_width: int, most: int):
        self.units = units
        self.wait_width = wait_width
        self.most = most
        super().__init__(
            {
                "dispatches": In(units),
                "finishes": In(units),
                "clear": In(1),
                "waits": In(data.ArrayLayout(wait_width, units)),
                "waited": Out(data.ArrayLayout(wait_layout(most), units)),
                "finished": Out(data.ArrayLayout(count_bits(most), units)),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        unfinished = []
        for unit in range(self.units):
            dispatched = Signal(count_bits(self.most), name=f"dispatched_{unit}")
            finished = Signal.like(dispatched, name=f"finished_{unit}")
            m.d.sync += [
                dispatched.eq(dispatched + self.dispatches[unit]),
                finished.eq(finished + self.finishes[unit]),
            ]
            with m.If(self.clear):
                m.d.sync += [dispatched.eq(0), finished.eq(0)]
            wait, waited = self.waits[unit], self.waited[unit]
            number = Signal(range(-(1 << self.wait_width), self.most + 1), name=f"number_{unit}")
            m.d.comb += [
                number.eq(dispatched - wait),
                waited.waits.eq(wait.any() & ~number[-1]),
                waited.number.eq(number),
                self.finished[unit].eq(finished),
            ]
            unfinished.append(dispatched != finished)
        m.d.comb += self.idle.eq(~Cat(*unfinished).any())
        return m
