"""What the coroutines of a bench share; they run inside the simulator.

Time discipline: await the rising edge, read what a flip-flop samples there, then write.
"""

import base64
import json
import os
import pickle
import random
from collections.abc import Iterable, Sequence
from types import SimpleNamespace

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

from weft_sim.clock import PERIOD_NS, RESET_CYCLES

# A coroutine that takes longer hangs: a hundred thousand cycles, if nothing else is said.
TIMEOUT_NS = int(os.environ.get("WEFT_TIMEOUT_NS", 100_000 * PERIOD_NS))
TIMEOUT = {"timeout_time": TIMEOUT_NS, "timeout_unit": "ns"}


def parameters() -> SimpleNamespace:
    """What the component was made with."""
    return SimpleNamespace(**pickle.loads(base64.b64decode(_given()["parameters"])))


def _given() -> dict:
    return json.loads(os.environ["WEFT_BENCH"])


def on_fpga() -> bool:
    """Whether the component is made of an FPGA's blocks."""
    return _given()["family"] is not None


def randomness() -> random.Random:
    """Random numbers that depend on SEED and on the coroutine alone."""
    return random.Random(cocotb.RANDOM_SEED)


async def start(dut) -> None:
    """Zero every input, start the clock, reset, and return right after an edge.

    No output may be unknown from then on, but on an FPGA, whose blocks wake up unknown.
    """
    for name in _given()["input"]:
        getattr(dut, name).value = 0
    if hasattr(dut, "clk"):
        Clock(dut.clk, PERIOD_NS, unit="ns").start(start_high=False)
    await reset(dut)
    for name in () if on_fpga() else _given()["output"]:
        value = getattr(dut, name).value
        assert value.is_resolvable, f"{name} is {value} after reset"


async def reset(dut) -> None:
    """Hold reset, where there is one, for a few cycles and return right after an edge."""
    for level in (1, 0):
        if hasattr(dut, "rst"):
            dut.rst.value = level
        for _ in range(RESET_CYCLES if level else 1):
            await tick(dut)


async def tick(dut) -> None:
    """Go on to the next edge; in a component without a clock, a cycle's time."""
    await (RisingEdge(dut.clk) if hasattr(dut, "clk") else Timer(PERIOD_NS, "ns"))


def read(dut, name: str) -> int:
    """An output as a number; an unknown bit is a failure.

    On an FPGA it is drawn, so that whoever depends on it sees a wrong number.
    """
    value = getattr(dut, name).value
    if on_fpga():
        return int(value.resolve("random"))
    assert value.is_resolvable, f"{name} is {value}"
    return int(value)


async def play(
    dut, stimuli: Iterable[dict[str, int]], outputs: Sequence[str]
) -> dict[str, list[int]]:
    """Drive each cycle's inputs; return what every output was in every cycle.

    An input that a cycle does not name keeps its value; one that the component does not have, as
    `rst` where nothing is reset, is left out.
    """
    trace: dict[str, list[int]] = {name: [] for name in outputs}
    for inputs in stimuli:
        for name, value in inputs.items():
            if hasattr(dut, name):
                getattr(dut, name).value = value
        await tick(dut)
        for name, seen in trace.items():
            seen.append(read(dut, name))
    return trace


def compare(what: str, got: Sequence, expected: Sequence, cycles: Sequence[int] | None = None):
    """Rows of lanes must be equal; say where they differ first.

    Parameters
    ----------
    got, expected : sequences, (rows,) or (rows, lanes)
    cycles : sequence, optional
        In which cycle a row came; a row's number is its cycle when left out.
    """
    assert len(got) == len(expected), f"{what}: got {len(got)} rows, expected {len(expected)}"
    for row, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
        ours, theirs = (
            np.atleast_1d(np.array(ours, object)),
            np.atleast_1d(np.array(theirs, object)),
        )
        wrong = np.flatnonzero(ours != theirs)
        if len(wrong):
            lane = int(wrong[0])
            cycle = row if cycles is None else cycles[row]
            raise AssertionError(
                f"{what}: lane {lane}, row {row}, cycle {cycle}: "
                f"got {ours[lane]}, expected {theirs[lane]} ({len(wrong)} lanes of the row differ)"
            )
