"""Helpers for the coroutines of a bench, which run inside the simulator.

Time discipline: await the rising edge, read the values that a flip-flop samples there, then write.
"""

import base64
import functools
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

# Simulated time after which a coroutine counts as hung; a hundred thousand cycles by default.
TIMEOUT_NS = int(os.environ.get("WEFT_TIMEOUT_NS", 100_000 * PERIOD_NS))
TIMEOUT = {"timeout_time": TIMEOUT_NS, "timeout_unit": "ns"}


def parameters() -> SimpleNamespace:
    """Return the parameters of the component."""
    return SimpleNamespace(**pickle.loads(base64.b64decode(_given()["parameters"])))


@functools.cache
def _given() -> dict:
    return json.loads(os.environ["WEFT_BENCH"])


def on_fpga() -> bool:
    """Return whether the component is built of the hard blocks of an FPGA."""
    return _given()["family"] is not None


def randomness() -> random.Random:
    """Return a random number generator that depends only on SEED and on the coroutine."""
    return random.Random(cocotb.RANDOM_SEED)


async def start(dut) -> None:
    """Zero every input, start the clock, reset, and return right after an edge.

    From then on no output may be unknown, except on an FPGA, whose blocks start with unknown bits.
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
    """Hold reset, if there is one, for a few cycles; return right after an edge."""
    for level in (1, 0):
        if hasattr(dut, "rst"):
            dut.rst.value = level
        for _ in range(RESET_CYCLES if level else 1):
            await tick(dut)


async def tick(dut) -> None:
    """Wait for the next edge; in a component without a clock, for the time of one cycle."""
    await (RisingEdge(dut.clk) if hasattr(dut, "clk") else Timer(PERIOD_NS, "ns"))


def read(dut, name: str) -> int:
    """Return an output as a number; an unknown bit is a failure.

    On an FPGA an unknown bit is random instead, so that a test that depends on it fails.
    """
    value = getattr(dut, name).value
    if on_fpga():
        return int(value.resolve("random"))
    # Much faster than `value.is_resolvable`, which makes an object of each bit.
    try:
        return int(value)
    except ValueError:
        raise AssertionError(f"{name} is {value}") from None


async def play(
    dut, stimuli: Iterable[dict[str, int]], outputs: Sequence[str]
) -> dict[str, list[int]]:
    """Drive the inputs of each cycle; return the value of every output in every cycle.

    An input that a cycle does not name keeps its value. Inputs that the component does not have,
    such as `rst` if nothing is reset, are ignored.
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
    """Check that rows of lanes are equal; the failure names the first difference.

    Parameters
    ----------
    what : str
        Name of the rows in the failure.
    got, expected : sequences, (rows,) or (rows, lanes)
    cycles : sequence, optional
        The cycle in which each row came; by default the number of the row.
    """
    assert len(got) == len(expected), f"{what}: got {len(got)} rows, expected {len(expected)}"
    for row, pair in enumerate(zip(got, expected, strict=True)):
        seen, wanted = (np.atleast_1d(np.array(lanes, object)) for lanes in pair)
        wrong = np.flatnonzero(seen != wanted)
        if len(wrong):
            lane = int(wrong[0])
            cycle = row if cycles is None else cycles[row]
            raise AssertionError(
                f"{what}: lane {lane}, row {row}, cycle {cycle}: "
                f"got {seen[lane]}, expected {wanted[lane]} ({len(wrong)} lanes of the row differ)"
            )
