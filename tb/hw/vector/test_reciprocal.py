"""Reciprocal: the scales of numpy, in the exact cycle, and its errors."""

import cocotb
import numpy as np

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, compare, randomness, read, reset, start, tick
from benches.runner import on_simulators
from weft.vector.reciprocal import Reciprocal, operand_layout, reciprocal_layout
from weft_model.core.reciprocal import MOST_SHIFT, reciprocal

OPERANDS = {"Verilator": 1200, "Icarus Verilog": 150}
MOST = (1 << 31) - 1


@on_simulators("parameters", {"plain": {}})
def test_reciprocal(simulate, parameters):
    simulate(
        [divides_as_numpy_does, reports_what_has_no_reciprocal, forgets_operands_at_reset],
        Reciprocal,
        **parameters,
    )


async def run(dut, x: int, shift: int, wait: int) -> dict[str, int]:
    """Return the result of an operand, after checking its cycle."""
    dut.operands__valid.value = 0
    for _ in range(wait):
        await tick(dut)
        assert not read(dut, "results__valid")
    dut.operands__valid.value = 1
    dut.operands__payload.value = pack(operand_layout(), x=x, shift=shift)
    await tick(dut)
    assert read(dut, "operands__ready")
    # The operand is noise when it does not count.
    dut.operands__payload.value = pack(operand_layout(), x=~x, shift=~shift)
    for _ in range(Reciprocal.latency - 1):
        await tick(dut)
        assert not read(dut, "operands__ready")
        assert not read(dut, "results__valid")
    dut.operands__valid.value = 0
    await tick(dut)
    assert read(dut, "results__valid")
    return unpack(reciprocal_layout(), read(dut, "results__payload"))


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def divides_as_numpy_does(dut):
    """Numbers of all lengths, powers of two and their neighbours, with every shift."""
    source = np.random.default_rng(randomness().getrandbits(32))
    powers = 1 << np.arange(31)
    count = OPERANDS[cocotb.SIM_NAME]
    drawn = source.integers(1, MOST, count) >> source.integers(0, 31, count)
    x = np.concatenate([powers, powers[1:] - 1, powers[:-1] + 1, drawn, [MOST]])
    x = np.maximum(x, 1)
    exponents = np.array([int(number).bit_length() - 1 for number in x])
    shifts = source.integers(0, MOST_SHIFT + 1 - exponents)
    await start(dut)
    got = []
    for number, shift in zip(x.tolist(), shifts.tolist(), strict=True):
        result = await run(dut, number, shift, int(source.choice([0, 0, 3])))
        got.append((result["multiplier"], result["shift"], result["error"]))
    wanted = [
        (*(int(part[0]) for part in reciprocal(x[at : at + 1], shift=int(shifts[at]))), 0)
        for at in range(len(x))
    ]
    compare("reciprocals", got, wanted)


@cocotb.test(**TIMEOUT)
async def reports_what_has_no_reciprocal(dut):
    """Numbers that are not positive, and shifts above 63; a good operand follows each."""
    await start(dut)
    errors = [(0, 0), (-1, 0), (-(1 << 31), 63), (2, 63), (MOST, 34), (1 << 30, 34)]
    good = [(1, 63), (1, 0), (MOST, 33), (1 << 30, 33)]
    for error, (x, shift) in [(1, pair) for pair in errors] + [(0, pair) for pair in good]:
        assert (await run(dut, x, shift, 0))["error"] == error, (x, shift)
        assert not (await run(dut, 7, 20, 1))["error"]


@cocotb.test(**TIMEOUT)
async def forgets_operands_at_reset(dut):
    await start(dut)
    for cycles in (1, 7, Reciprocal.latency - 1):
        dut.operands__valid.value = 1
        for _ in range(cycles):
            await tick(dut)
        dut.operands__valid.value = 0
        await reset(dut)
        for _ in range(Reciprocal.latency + 1):
            await tick(dut)
            assert read(dut, "operands__ready")
            assert not read(dut, "results__valid")
