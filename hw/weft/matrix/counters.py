"""CycleCounters: count the cycles spent on each activity."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .layouts import Activity, counter_layout


class CycleCounters(wiring.Component):
    """Count all cycles since reset, in `total`, and the cycles of each Activity, modulo 2**32.

    The counts of the activities add up to `total`. Latency 1 cycle for `total` and 2 cycles for the
    others, which count the first cycle after a reset as idle. A host takes the difference of two
    readings.

    Parameters
    ----------
    never : tuple of Activity
        Those that no cycle is spent on; their counts stay zero.

    Members
    -------
    activity : Activity in
    counters : counter_layout() out
    """

    latency = 2

    def __init__(self, *, never: tuple[Activity, ...] = ()):
        self.never = never
        super().__init__({"activity": In(Activity), "counters": Out(counter_layout())})

    def elaborate(self, platform):
        m = Module()
        # A register, because the enables drive many bits.
        spent = Signal(Activity)
        m.d.sync += [spent.eq(self.activity), self.counters.total.eq(self.counters.total + 1)]
        for activity in (activity for activity in Activity if activity not in self.never):
            counter = self.counters[activity.name.lower()]
            with m.If(spent == activity):
                m.d.sync += counter.eq(counter + 1)
        return m
