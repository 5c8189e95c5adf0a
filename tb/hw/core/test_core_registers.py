"""CoreRegisters: a host reads and writes every register of the table."""

import dataclasses
import random

import cocotb

from benches.axi_lite import LiteManager
from benches.axi_lite_registers import AxiLiteRegisters
from benches.bits import pack, split, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.bus.axi4 import Response
from weft.bus.regions import region_layout
from weft.core.core_config import SMALL, TINY, BusConfig
from weft.core.core_control import State, ending_layout
from weft.core.core_registers import CoreRegisters
from weft.core.errors import CoreError
from weft.core.register_table import (
    ADDRESS_WIDTH,
    ADDRESSES,
    CONTROL_BITS,
    REGISTERS,
    STATUS_FIELDS,
    CoreParameters,
)
from weft.core.reporter import Reporter
from weft.core.unit_counters import COUNTERS, counts_layout
from weft_sim.stalls import random_bools

START, ABORT, CLEAR, SNAPSHOT = (1 << bit for bit in range(len(CONTROL_BITS)))


@on_simulators(
    "parameters",
    {
        "tiny": CoreParameters(config=TINY, digest=0x1234_5678),
        "small": CoreParameters(
            config=dataclasses.replace(SMALL, bus=BusConfig(data_width=256, address_width=64)),
            counter_width=48,
            standstill_bits=20,
        ),
    },
)
def test_core_registers(simulate, parameters):
    simulate(
        [
            reads_every_register,
            keeps_settings,
            starts_and_ends_programs,
            refuses_what_disturbs_a_program,
        ],
        CoreRegisters,
        parameters=parameters,
    )


@on_simulators("parameters", {"tiny": CoreParameters(config=TINY, digest=7)})
def test_core_registers_on_a_bus(simulate, parameters):
    """The host is that of cocotbext-axi, which knows nothing of this project."""
    simulate([serves_a_host_of_others], AxiLiteRegisters, parameters=parameters)


class Host:
    """The registers behind a manager, and the pulses that they have given."""

    def __init__(self, dut, source: random.Random | None = None):
        self.dut = dut
        self.bus = LiteManager(dut, "bus", address_width=ADDRESS_WIDTH, source=source)
        self.pulses = dict.fromkeys(("launch", "abort", "snapshot"), 0)
        cocotb.start_soon(self._count())

    async def _count(self) -> None:
        while True:
            await tick(self.dut)
            for name in self.pulses:
                self.pulses[name] += read(self.dut, name)

    async def read(self, name: str) -> int:
        value, response = await self.bus.read(ADDRESSES[name])
        assert response == Response.OKAY, name
        return value

    async def write(self, name: str, value: int, strobes: int = 15) -> Response:
        return await self.bus.write(ADDRESSES[name], value, strobes)

    async def status(self) -> dict[str, int]:
        status = await self.read("status")
        return {name: field.of(status) for name, field in STATUS_FIELDS.items()}


def given() -> CoreParameters:
    return parameters().parameters


@cocotb.test(**TIMEOUT)
async def reads_every_register(dut):
    """Constants, counters, and what else the hardware sets; other addresses are refused."""
    source = randomness()
    await start(dut)
    host = Host(dut, source)
    counts = {name: source.getrandbits(given().counter_width) for name in COUNTERS}
    dut.counts.value = pack(counts_layout(given().counter_width), **counts)
    place = {"unit": source.getrandbits(32), "word": 5}
    ending = {"error": CoreError.RECIPROCAL.value, "reporter": Reporter.VECTOR.value}
    fields = ending_layout()
    dut.ending.value = pack(fields, **ending, place=pack(fields.members["place"], **place))
    dut.state.value, dut.done.value = State.WAITING.value, 1
    expected = {name: 0 for name, register in REGISTERS.items() if not register.constant}
    expected |= {n: r.constant(given()) for n, r in REGISTERS.items() if r.constant}
    for name, count in counts.items():
        expected[f"count_{name}"], expected[f"count_{name}_high"] = split(count, 32, 2)
    expected |= {"error_unit": place["unit"], "error_word": place["word"]}
    expected.pop("status")
    for name, value in expected.items():
        assert await host.read(name) == value, name
    status = {"running": 1, "done": 1, "busy": 0, "state": State.WAITING.value, **ending}
    assert await host.status() == status
    for address in range(1 << ADDRESS_WIDTH):
        if address not in ADDRESSES.values() and source.random() < 0.05:
            _, response = await host.bus.read(address)
            assert response == Response.SLVERR
            assert await host.bus.write(address, 0) == Response.SLVERR


@cocotb.test(**TIMEOUT)
async def keeps_settings(dut):
    """Each byte of a setting is written alone; bits that do not exist read as zero."""
    source = randomness()
    await start(dut)
    host = Host(dut, source)
    expected = {name: 0 for name, register in REGISTERS.items() if register.setting}
    for _ in range(150):
        name = source.choice([*REGISTERS])
        register, value = REGISTERS[name], source.getrandbits(32)
        strobes = source.choice([15, source.randrange(16)])
        if name == "control":
            continue
        response = await host.write(name, value, strobes)
        assert response == (Response.OKAY if register.writable else Response.SLVERR), name
        if register.setting:
            mask = sum(0xFF << 8 * byte for byte in range(4) if strobes >> byte & 1)
            value &= register.setting(given())
            expected[name] = expected[name] & ~mask | value & mask
    for name, value in expected.items():
        assert await host.read(name) == value, name
    assert read(dut, "program_address") == expected["program_low"] | expected["program_high"] << 32
    layout = region_layout(given().config.bus.address_width)
    for number, bits in enumerate(split(read(dut, "regions"), layout.size, 8)):
        region = unpack(layout, bits)
        low, high, size, access = (
            expected[f"region_{number}_{name}"]
            for name in ("base_low", "base_high", "size", "access")
        )
        assert region["base"] == low | high << 32
        assert region["base"] % (given().config.bus.data_width // 8) == 0
        assert region["size"] == size | (access >> 8) << 32
        assert (region["readable"], region["writable"]) == (access & 1, access >> 1 & 1)
    assert not any(host.pulses.values())


async def end_of_a_program(dut) -> None:
    dut.ended.value, dut.state.value = 1, State.IDLE.value
    await tick(dut)
    dut.ended.value = 0
    await tick(dut)


@cocotb.test(**TIMEOUT)
async def starts_and_ends_programs(dut):
    """The bits of `control` act once; the end of a program raises the interrupt."""
    await start(dut)
    host = Host(dut, randomness())
    for number, (bits, pulse) in enumerate(
        ((START, "launch"), (ABORT, "abort"), (SNAPSHOT, "snapshot")), 1
    ):
        before = dict(host.pulses)
        assert await host.write("control", bits, 0b1110) == Response.OKAY
        assert host.pulses == before
        assert await host.write("control", bits) == Response.OKAY
        assert host.pulses == before | {pulse: 1}, number

    await end_of_a_program(dut)
    assert await host.read("interrupt_status") == 1
    assert not read(dut, "interrupt")
    await host.write("interrupt_enable", 1)
    assert read(dut, "interrupt")
    await host.write("control", CLEAR)
    assert not read(dut, "interrupt")
    assert await host.read("interrupt_status") == 0
    await end_of_a_program(dut)
    assert read(dut, "interrupt")


@cocotb.test(**TIMEOUT)
async def refuses_what_disturbs_a_program(dut):
    """A start during a program is not lost silently, and the regions do not change."""
    source = randomness()
    await start(dut)
    host = Host(dut, source)
    assert await host.write("control", START) == Response.OKAY
    for state in (State.READING, State.RUNNING, State.STOPPING, State.FLUSHING, State.WAITING):
        dut.state.value = state.value
        assert not (await host.status())["busy"]
        assert await host.write("control", START) == Response.OKAY
        assert (await host.status())["busy"]
        for name, register in REGISTERS.items():
            if register.setting and source.random() < 0.3:
                refused = name != "interrupt_enable"
                response = await host.write(name, 0xFFFF_FFFF)
                assert response == (Response.SLVERR if refused else Response.OKAY), name
        assert await host.write("control", CLEAR) == Response.OKAY
    assert host.pulses["launch"] == 1
    assert not read(dut, "program_address") and not read(dut, "regions")
    dut.state.value = State.IDLE.value
    assert await host.write("control", START) == Response.OKAY
    assert host.pulses["launch"] == 2
    assert await host.write("program_low", 0xFFFF_FFFF) == Response.OKAY
    assert read(dut, "program_address")


@cocotb.test(**TIMEOUT)
async def serves_a_host_of_others(dut):
    """Accesses of all sizes, with pauses in all channels."""
    # Not imported above, because pytest then reports what is deprecated in it.
    from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

    source = randomness()
    await start(dut)
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
    channels = (
        *(master.write_if.aw_channel, master.write_if.w_channel, master.write_if.b_channel),
        *(master.read_if.ar_channel, master.read_if.r_channel),
    )
    # The registers of all regions.
    image = bytearray(128)
    for likely in (0.0, 0.5):
        for channel in channels:
            channel.set_pause_generator(random_bools(source, likely))
        for name, register in REGISTERS.items():
            if register.constant and source.random() < 0.5:
                value = await master.read(ADDRESSES[name], 4)
                assert int.from_bytes(value.data, "little") == register.constant(given()), name
                assert value.resp == AxiResp.OKAY
        for _ in range(20):
            at = 4 * source.randrange(32)
            part = source.randbytes(source.randint(1, 128 - at))
            answer = await master.write(ADDRESSES["region_0_base_low"] + at, part)
            assert answer.resp == AxiResp.OKAY
            image[at : at + len(part)] = part
        names = [name for name, register in REGISTERS.items() if name.startswith("region_")]
        masks = b"".join(REGISTERS[name].setting(given()).to_bytes(4, "little") for name in names)
        expected = bytes(byte & mask for byte, mask in zip(image, masks, strict=True))
        got = await master.read(ADDRESSES["region_0_base_low"], 128)
        assert bytes(got.data) == expected
        # An address in the middle of a word, and one without a register.
        assert (await master.write(ADDRESSES["region_0_size"] + 1, b"1")).resp == AxiResp.SLVERR
        assert (await master.read(0x60, 4)).resp == AxiResp.SLVERR
        assert (await master.write(0x60, b"1234")).resp == AxiResp.SLVERR
        dut.running.value = 1
        assert (await master.write(ADDRESSES["program_low"], b"1234")).resp == AxiResp.SLVERR
        dut.running.value = 0
