"""LaneTable: two reads in every cycle, and writes at the same time."""

import cocotb

from benches.bits import pack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.vector.beats import TABLE_WORDS, table_write_layout
from weft.vector.lane_table import PORTS, LaneTable

CYCLES = 3000


@on_simulators("tables", {"3 tables": 3, "2 tables": 2})
def test_lane_table(simulate, tables):
    simulate([reads_and_writes_in_every_cycle], LaneTable, tables=tables)


@cocotb.test(**TIMEOUT)
async def reads_and_writes_in_every_cycle(dut):
    """A word of the cycle before is found; one that is being written is not compared."""
    source, tables = randomness(), parameters().tables
    layout = table_write_layout(tables)
    await start(dut)
    words: dict[tuple[int, int], int] = {}
    # The expected words of the coming cycles; None if a word is undefined.
    owed: dict[str, list[int | None]] = {port: [None] * LaneTable.latency for port in PORTS}
    # Few places, so that most reads meet an earlier write.
    places = [(table, source.randrange(TABLE_WORDS)) for table in range(tables) for _ in range(4)]
    compared = 0
    for _ in range(CYCLES):
        written = source.choice(places) if source.random() < 0.8 else None
        data = source.getrandbits(32)
        table, entry = written or source.choice(places)
        dut.write.value = pack(
            layout, valid=written is not None, table=table, entry=entry, data=data
        )
        for port in PORTS:
            place = source.choice(places)
            getattr(dut, f"{port}__table").value, getattr(dut, f"{port}__entry").value = place
            owed[port].append(None if place == written else words.get(place))
        if written:
            words[written] = data
        await tick(dut)
        for port in PORTS:
            wanted = owed[port].pop(0)
            if wanted is not None:
                assert read(dut, f"{port}__word") == wanted
                compared += 1
    assert compared > CYCLES
