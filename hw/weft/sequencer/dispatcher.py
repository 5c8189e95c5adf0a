"""Dispatcher: give the instructions of a program to the queues of their units, in order."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .ports import count_bits


def order_layout(units: int) -> data.StructLayout:
    """Return the layout of what the dispatcher knows of an instruction.

    `halt`: it ends the program. `unit`: otherwise, one bit says which unit executes it.
    """
    return data.StructLayout({"halt": 1, "unit": units})


class Dispatcher(wiring.Component):
    """Give each instruction to its unit, in program order; HALT ends the program.

    An instruction waits until the queue of its unit has a free slot, and all later ones wait behind
    it. HALT waits until all instructions have finished. After `most` instructions, the next one
    waits until all of these have finished, and the counts of Waits are cleared.

    An instruction is given in the cycle in which it is taken. The first one after `most` others can
    be given `drain_latency` cycles after the last of these finishes. `done` is high `done_latency`
    cycles after the last instruction finishes, or after HALT is offered.

    Parameters
    ----------
    units : int
    most : int
        Instructions after which the counts are cleared.

    Members
    -------
    launch : 1 bit in. Begin a program, if none is running.
    stop : 1 bit in. End the program in this cycle, without waiting for anything.
    orders : stream of order_layout(units)
    free : `units` bits in. The queue of the unit has a free slot.
    idle : 1 bit in. Everything has finished, see Waits.
    dispatches : `units` bits out. The instruction enters the queue of that unit.
    clear : 1 bit out. Clear the counts of Waits.
    running : 1 bit out. A program is running.
    done : 1 bit out, for one cycle. HALT has ended the program.
    flush : 1 bit out, for one cycle. The program was stopped: discard all instructions.
    """

    # A count of Waits shows a finish one cycle later; the counts are cleared in the next cycle.
    drain_latency = 2
    done_latency = 2

    def __init__(self, *, units: int, most: int):
        self.units = units
        self.most = most
        super().__init__(
            {
                "launch": In(1),
                "stop": In(1),
                "orders": In(stream.Signature(order_layout(units))),
                "free": In(units),
                "idle": In(1),
                "dispatches": Out(units),
                "clear": Out(1),
                "running": Out(1),
                "done": Out(1),
                "flush": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        order, offered = self.orders.payload, self.orders.valid
        launches = Signal()
        count = Signal(count_bits(self.most))
        spent = Signal()
        gives = Signal()
        halts = Signal()
        m.d.comb += [
            launches.eq(self.launch & ~self.running),
            spent.eq(count == self.most),
            gives.eq(self.running & ~order.halt & ~spent & (order.unit & self.free).any()),
            halts.eq(self.running & order.halt & self.idle),
            self.orders.ready.eq((gives | halts) & ~self.stop),
            self.clear.eq(launches | self.flush | (spent & self.idle)),
        ]
        with m.If(offered & gives & ~self.stop):
            m.d.comb += self.dispatches.eq(order.unit)
            m.d.sync += count.eq(count + 1)
        with m.If(self.clear):
            m.d.sync += count.eq(0)

        ends = offered & halts & ~self.stop
        m.d.sync += [self.done.eq(ends), self.flush.eq(self.running & self.stop)]
        m.d.sync += self.running.eq(launches | (self.running & ~self.stop & ~ends))
        return m
