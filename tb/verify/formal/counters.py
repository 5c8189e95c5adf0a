"""Counters: each cycle is counted exactly once."""

from unittest.mock import patch

from amaranth.hdl import Module, Signal

from weft.matrix import layouts
from weft.matrix.counters import CycleCounters
from weft.matrix.layouts import Activity

from .harness import Harness, delayed


class CountersPartitionTime(Harness):
    """Each cycle is counted once, in the counter of its activity, and all add up to `total`.

    Activities are arbitrary.

    Parameters
    ----------
    width : int
        Bits per counter: fewer than in the hardware, but they wrap the same way.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def rtlil(self) -> str:
        with patch.object(layouts, "COUNTER_WIDTH", self.width):
            return super().rtlil()

    def describe(self, m: Module) -> None:
        m.submodules.counters = counters = CycleCounters()
        activity = self.anything(Activity, "activity")
        m.d.comb += counters.activity.eq(activity)
        numbers = [member.value for member in Activity]
        self.assume(sum((activity.as_value() == number) for number in numbers) == 1)
        values = {a: counters.counters[a.name.lower()] for a in Activity}
        total = Signal(self.width)
        m.d.comb += total.eq(sum(values.values()))
        self.prove("all_are_total", total == counters.counters.total)
        ran = delayed(m, Signal(init=1), 1, "ran")
        for a, value in values.items():
            step = delayed(m, activity.as_value() == a.value, CycleCounters.latency, a.name)
            if a is Activity.IDLE:
                started = delayed(m, ran, 1, "started")
                step = step | ~started
            counted = Signal(self.width, name=f"counted_{a.name}")
            m.d.comb += counted.eq(delayed(m, value, 1, f"value_{a.name}") + step)
            self.prove(a.name.lower(), ~ran | (value == counted))
            self.reach(a.name.lower(), value == 1)
