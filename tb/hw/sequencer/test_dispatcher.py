"""Dispatcher: instructions go to their units in order; HALT, counts and stops end or delay them."""

from collections import Counter
from dataclasses import dataclass

import cocotb

from benches.bits import pack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.sequencer.dispatcher import Dispatcher, order_layout

CASES = {"5 units": (5, 32767), "1 unit": (1, 1), "3 units, 4 instructions": (3, 4)}
CYCLES = 4000


@on_simulators("units, most", CASES)
def test_dispatcher(simulate, units, most):
    simulate([does_what_the_model_does], Dispatcher, units=units, most=most)


@dataclass
class Model:
    """The dispatcher between two cycles."""

    most: int
    running: bool = False
    done: bool = False
    flush: bool = False
    count: int = 0

    def step(self, *, launch, stop, unit, free, idle) -> dict[str, int]:
        """Return the outputs of a cycle and go to the next one; `unit` is None without an order,
        and -1 for HALT."""
        out = {name: int(getattr(self, name)) for name in ("running", "done", "flush")}
        may = self.running and not stop
        gives = may and unit is not None and unit >= 0 and free[unit] and self.count < self.most
        halts = may and unit == -1 and idle
        begins = launch and not self.running
        clear = bool(begins or self.flush or (self.count == self.most and idle))
        out |= {"dispatches": 1 << unit if gives else 0, "clear": int(clear)}
        if unit is not None:
            out["orders__ready"] = int(gives or halts)
        self.count = 0 if clear else self.count + bool(gives)
        self.done, self.flush = bool(halts), bool(self.running and stop)
        self.running = bool(begins or (self.running and not stop and not halts))
        return out


@cocotb.test(**TIMEOUT)
async def does_what_the_model_does(dut):
    """Checks all outputs in every cycle, with random orders, full queues and stops."""
    known, source = parameters(), randomness()
    model, seen = Model(known.most), Counter()
    unit = None
    await start(dut)
    for cycle in range(CYCLES):
        if unit is None and source.random() < 0.8:
            unit = source.randrange(known.units) if source.random() < 0.9 else -1
        free = [source.random() < 0.7 for _ in range(known.units)]
        inputs = {
            "launch": source.random() < 0.3,
            "stop": source.random() < 0.03,
            "idle": source.random() < 0.4,
        }
        dut.orders__valid.value = int(unit is not None)
        if unit is not None:
            order = {"halt": 1} if unit < 0 else {"unit": 1 << unit}
            dut.orders__payload.value = pack(order_layout(known.units), **order)
        dut.free.value = sum(1 << number for number, one in enumerate(free) if one)
        for name, value in inputs.items():
            getattr(dut, name).value = int(value)
        await tick(dut)
        for name, wanted in model.step(unit=unit, free=free, **inputs).items():
            got = read(dut, name)
            assert got == wanted, f"{name}, cycle {cycle}: got {got:#x}, expected {wanted:#x}"
            seen[name] += bool(got)
            if name == "orders__ready" and got:
                unit = None
    for name in ("running", "done", "flush", "dispatches", "clear"):
        assert seen[name] > 20, f"{name} came only {seen[name]} times"
