"""CycleCounters: how many cycles were spent on what."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .layouts import Activity, counter_layout


class CycleCounters(wiring.Component):
    """Count the cycles of each Activity; together they are `total`, since reset, modulo 2**32.

    Latency 1 cycle for `total`, 2 for the others, whose first counts after a reset are idle. A host
    takes the difference of two readings.

    Members
    -------
    activity : Activity in
    counters : counter_layout() out
    """

    latency = 2

    def __init__(self):
        super().__init__({"activity": In(Activity), "counters": Out(counter_layout())})

    def elaborate(self, platform):
        m = Module()
        # A register before the enables of so many bits.
        spent = Signal(Activity)
        m.d.sync += [spent.eq(self.activity), self.counters.total.eq(self.counters.total + 1)]
        for activity in Activity:
            counter = self.counters[activity.name.lower()]
            with m.If(spent == activity):
                m.d.sync += counter.eq(counter + 1)
        return m
