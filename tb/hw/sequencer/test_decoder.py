"""Decoder: whole instructions of legal programs, and the place of the first fault of others."""

import os
import random
from collections import Counter
from collections.abc import Iterator

import cocotb
import numpy as np

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, randomness, read, start, tick
from benches.decoder_model import Decoded, damaged, decode, is_legal, random_units
from weft.isa.fields import UNIT_BYTES
from weft.isa.instruction import Instruction
from weft.isa.instructions import KINDS
from weft.sequencer.decoder import Decoder
from weft.sequencer.ports import (
    MOST_UNITS,
    FaultCode,
    decoded_layout,
    fault_layout,
    program_unit_layout,
)
from weft_sim.stalls import random_bools


def test_decoder(simulate):
    coroutines = [
        takes_a_unit_in_every_cycle,
        names_the_first_fault,
        keeps_instructions_that_wait,
        forgets_everything_when_disabled,
    ]
    simulate(coroutines, Decoder)


def test_the_model_agrees_with_the_decoder_of_programs():
    """Both refuse the same instructions, and find the same fields in the others."""
    source = random.Random(int(os.environ["SEED"]))
    refused = 0
    for _ in range(200):
        units = damaged(source, random_units(source, 1))[:MOST_UNITS]
        data = b"".join(unit.to_bytes(UNIT_BYTES, "little") for unit in units)
        found = decode(units)
        try:
            instruction = Instruction.decode(data)
        except ValueError:
            assert not found.instructions
            refused += 1
        else:
            assert found.instructions or found.code == FaultCode.WRONG_END
            assert all(is_legal(f, instruction[f.name]) for f in instruction.kind.fields)
    assert 20 < refused < 190


async def decode_on(
    dut, units: list[int], *, valid: Iterator[bool], ready: Iterator[bool], cycles: int
) -> tuple[Decoded, dict[int, int], list[int]]:
    """Decode a program; return what came, the cycle of each unit, and that of each instruction."""
    dut.enable.value = 1
    sent: dict[int, int] = {}
    instructions, taken = [], []
    offering = False
    kinds = [*KINDS.values()]
    for cycle in range(cycles):
        number = len(sent)
        offering = number < len(units) and (offering or next(valid))
        takes = next(ready)
        dut.units__valid.value = int(offering)
        dut.instructions__ready.value = int(takes)
        if offering:
            last = number == len(units) - 1
            dut.units__payload.value = pack(program_unit_layout(), bits=units[number], last=last)
        await tick(dut)
        if offering and read(dut, "units__ready"):
            sent[number] = cycle
            offering = False
        if read(dut, "instructions__valid") and takes:
            fields = unpack(decoded_layout(), read(dut, "instructions__payload"))
            kind = kinds[fields["kind"].bit_length() - 1]
            assert fields["kind"] == 1 << kinds.index(kind), "more than one kind"
            bits = fields["bits"] & ((1 << 8 * kind.bytes) - 1)
            place = unpack(fault_layout(), read(dut, "fault"))["unit"]
            instructions.append((kind, bits, place))
            taken.append(cycle)
    fault = unpack(fault_layout(), read(dut, "fault"))
    code = FaultCode(fault["code"])
    return Decoded(instructions, code, fault["unit"], fault["word"]), sent, taken


async def check(dut, units: list[int], likely: tuple[float, float], source) -> Decoded:
    """Decode a program with gaps and waits, and compare with the model."""
    valid, ready = (random_bools(source, chance) for chance in likely)
    cycles = int((len(units) + 4) / (likely[0] * likely[1])) + 20
    found, _, _ = await decode_on(dut, units, valid=valid, ready=ready, cycles=cycles)
    assert found == decode(units)
    dut.enable.value = 0
    dut.units__valid.value = 0
    await tick(dut)
    return found


@cocotb.test(**TIMEOUT)
async def takes_a_unit_in_every_cycle(dut):
    """An instruction is offered `latency` cycles after its last unit."""
    source = randomness()
    await start(dut)
    units = random_units(source, 100)
    always = random_bools(source, 1.0)
    cycles = len(units) + 10
    found, sent, taken = await decode_on(dut, units, valid=always, ready=always, cycles=cycles)
    assert found == decode(units)
    assert list(sent.values()) == list(range(len(units)))
    assert taken == [sent[last] + Decoder.latency for _, _, last in found.instructions]


@cocotb.test(**TIMEOUT)
async def names_the_first_fault(dut):
    """Damages programs in all ways: the instructions before the fault come, and none after it."""
    source = randomness()
    await start(dut)
    seen = Counter()
    for _ in range(250):
        units = damaged(source, random_units(source, source.randint(0, 4)))
        found = await check(dut, units, (0.9, 0.9), source)
        seen[found.code] += 1
    codes = set(FaultCode) - {FaultCode.LEFT_OVER}
    assert all(seen[code] > 3 for code in codes), seen


@cocotb.test(**TIMEOUT)
async def keeps_instructions_that_wait(dut):
    """Units come with gaps, and instructions wait."""
    source = randomness()
    await start(dut)
    for likely in ((1.0, 0.2), (0.3, 0.8), (0.5, 0.5)):
        await check(dut, random_units(source, 30), likely, source)


@cocotb.test(**TIMEOUT)
async def forgets_everything_when_disabled(dut):
    """A program that is cut off in any cycle leaves no trace in the next one."""
    source = randomness()
    numbers = np.random.default_rng(source.getrandbits(32))
    await start(dut)
    for _ in range(40):
        units = random_units(source, 5)
        if numbers.integers(2):
            units = damaged(source, units)
        mostly = random_bools(source, 0.8)
        cycles = source.randint(1, 15)
        await decode_on(dut, units, valid=mostly, ready=mostly, cycles=cycles)
        dut.enable.value = 0
        await tick(dut)
        assert not read(dut, "units__ready")
        await check(dut, random_units(source, 2), (0.9, 0.9), source)
