"""RegisterFile: constants at every address, and a snapshot of a single cycle."""

import cocotb

from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.host_link.protocol import PROTOCOL_VERSION
from weft.host_link.register_file import RegisterFile
from weft.host_link.registers import REGISTERS

# Words, the first register of the snapshot, and the number of registers in it.
FILES = {
    "middle": (tuple(range(0x01020304, 0x01020304 + 11)), 2, 3),
    "all": ((0, 0), 0, 2),
    "one": ((0xFFFFFFFF, 0, 0x80000001), 1, 1),
}

# Registers in the order of their addresses, by the version of the protocol.
LAYOUTS = {
    5: """magic protocol_version status total computing waiting_for_weights loading_weights
    waiting_for_activations waiting_for_room waiting_for_sum idle weft_version rows columns
    activation weight cell_width zero_points accumulator_width accumulator_depth multiplier_stages
    adder_stages inner_product soft_columns result checksum clock_hz cycles_per_bit payload_bytes
    weights_beat_bytes activations_beat_bytes results_beat_bytes control"""
}


def test_registers_move_with_the_version_only():
    """A host that knows this version finds each register at its address."""
    names = [register.name for register in REGISTERS]
    assert names == LAYOUTS[PROTOCOL_VERSION].split(), "raise PROTOCOL_VERSION"


@on_simulators("words, snapshot, snapshot_registers", FILES)
def test_register_file(simulate, words, snapshot, snapshot_registers):
    simulate(
        [reads_every_register],
        RegisterFile,
        words=words,
        snapshot=snapshot,
        snapshot_registers=snapshot_registers,
    )


async def read_byte(dut, address: int) -> int:
    dut.bus__address.value = address
    await tick(dut)
    dut.bus__read.value = 1
    for _ in range(1000):
        await tick(dut)
        if read(dut, "bus__done"):
            byte = read(dut, "bus__read_data")
            dut.bus__read.value = 0
            await tick(dut)
            return byte
    raise AssertionError(f"byte {address} was never read")


@cocotb.test(**TIMEOUT)
async def reads_every_register(dut):
    """Registers return the latest snapshot, although the live words change in every cycle.

    Each live word counts cycles from its own start, so that words of different cycles differ in
    their counts.
    """
    file = parameters()
    words, snapshot, count = file.words, file.snapshot, file.snapshot_registers
    source = randomness()
    await start(dut)
    base = [source.getrandbits(31) for _ in range(count)]
    cycle = [0]

    async def live():
        while True:
            cycle[0] += 1
            counted = [(word + cycle[0]).to_bytes(4, "little") for word in base]
            dut.live.value = int.from_bytes(b"".join(counted), "little")
            await tick(dut)

    cocotb.start_soon(live())
    expected = bytearray(b"".join(word.to_bytes(4, "little") for word in words))
    size, first = len(expected), 4 * snapshot
    for address in [
        *range(size),
        *(source.randrange(size) for _ in range(50)),
        first,
        *range(size),
    ]:
        before = cycle[0]
        byte = await read_byte(dut, address)
        if address == first:
            rest = [await read_byte(dut, first + place) for place in range(1, 4 * count)]
            taken = bytes([byte, *rest])
            values = [int.from_bytes(taken[at : at + 4], "little") for at in range(0, 4 * count, 4)]
            moments = {value - word for value, word in zip(values, base, strict=True)}
            assert len(moments) == 1, f"a snapshot of several cycles: {moments}"
            assert before <= moments.pop() <= before + 4
            expected[first : first + 4 * count] = taken
        assert byte == expected[address], f"byte {address}"
