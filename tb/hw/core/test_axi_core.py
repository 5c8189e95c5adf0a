"""AxiCore: whole programs, with a host and a memory that know nothing of this project."""

import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from benches.core_programs import random_core_program, random_memory
from benches.coroutines import parameters, randomness
from benches.named_core import NamedCore
from benches.runner import on_simulators
from weft.core.core_config import TINY
from weft.core.errors import CoreError
from weft.core.register_table import ADDRESSES, STATUS_FIELDS
from weft_model.core.machine import execute
from weft_sim.clock import PERIOD_NS
from weft_sim.stalls import random_bools

# Bytes of the memory: the program, and then the regions.
SIZE = 1 << 20
APART = 1 << 14
OPERATIONS = 4


@on_simulators("config", {"tiny": TINY})
def test_axi_core(simulate, config):
    simulate([executes_programs], NamedCore, config=config)


@cocotb.test(timeout_time=2_000_000, timeout_unit="ns")
async def executes_programs(dut):
    """Random programs, one after the other, with pauses in all channels."""
    # Not imported above, because pytest then reports what is deprecated in it.
    from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

    source = randomness()
    numbers = np.random.default_rng(source.getrandbits(32))
    Clock(dut.aclk, PERIOD_NS, unit="ns").start(start_high=False)
    dut.aresetn.value = 0
    host = AxiLiteMaster(
        AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, dut.aresetn, reset_active_level=False
    )
    ram = AxiRam(
        AxiBus.from_prefix(dut, "m_axi"),
        dut.aclk,
        dut.aresetn,
        reset_active_level=False,
        size=SIZE,
    )
    await ClockCycles(dut.aclk, 4)
    dut.aresetn.value = 1
    await ClockCycles(dut.aclk, 2)
    assert parameters().config == TINY
    for likely in (0.0, 0.4):
        for channel in (
            *(ram.read_if.ar_channel, ram.read_if.r_channel),
            *(ram.write_if.aw_channel, ram.write_if.w_channel, ram.write_if.b_channel),
        ):
            channel.set_pause_generator(random_bools(source, likely))
        await run(dut, host, ram, numbers, source)


async def write(host, name: str, value: int) -> None:
    await host.write_dword(ADDRESSES[name], value)


async def run(dut, host, ram, numbers: np.random.Generator, source: random.Random) -> None:
    """Run a program, and compare the memory with that of the machine in numpy."""
    program = random_core_program(numbers, OPERATIONS)
    memory = random_memory(numbers, program)
    ram.write(0, program.encode())
    await write(host, "program_low", 0)
    for number, region in enumerate(memory):
        base = (number + 1) * APART
        ram.write(base, region.tobytes())
        await write(host, f"region_{number}_base_low", base)
        await write(host, f"region_{number}_size", len(region))
        await write(host, f"region_{number}_access", 3)
    await write(host, "interrupt_enable", 1)
    await write(host, "control", 1)
    while not dut.irq.value:
        await RisingEdge(dut.aclk)
    status = await host.read_dword(ADDRESSES["status"])
    assert CoreError(STATUS_FIELDS["error"].of(status)) == CoreError.NONE
    assert STATUS_FIELDS["done"].of(status)
    execute(program, memory)
    for number, region in enumerate(memory):
        got = ram.read((number + 1) * APART, len(region))
        assert bytes(got) == region.tobytes(), f"region {number}"
    await write(host, "control", 4)
