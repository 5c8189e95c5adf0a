"""RowScalars: all reads see all writes of the unit and of LOAD, also when they meet."""

import cocotb

from benches.bits import pack, to_signed
from benches.coroutines import TIMEOUT, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.vector.row_scalars import READS, RowScalars, scalar_load_layout, scalar_write_layout


@on_simulators("row_scalars", {"12": 12, "1": 1})
def test_row_scalars(simulate, row_scalars):
    simulate([reads_what_was_written], RowScalars, row_scalars=row_scalars)


@cocotb.test(**TIMEOUT)
async def reads_what_was_written(dut):
    """The unit writes in every second cycle at most, LOAD a word in every cycle."""
    source, count = randomness(), parameters().row_scalars
    await start(dut)
    # Of each row and word, the cycle from which it is defined, and its value.
    known = {(row, word): (0, 0) for row in range(count) for word in range(2)}
    cycles, expected = [], []
    latency, met = RowScalars.latency, 0
    wrote, loading, loaded = False, None, []
    for cycle in range(1500):
        inputs = {"write": 0, "load": 0}
        rows = {read: source.randrange(count) for read in READS}
        expected.append(
            {
                **{read: known[row, 0] for read, row in rows.items()},
                "scale_shift": known[rows["scale"], 1],
            }
        )
        inputs |= {f"{read}_row": row for read, row in rows.items()}
        # LOAD begins a row sometimes, and writes its two words in turns.
        if loading is None and source.random() < 0.6:
            loading = source.randrange(count), 0
        writing = not wrote and source.random() < 0.7
        row = source.randrange(count)
        numbers = source.randrange(-(1 << 31), 1 << 31), source.randrange(64)
        # Both may write a row, but not within a few cycles.
        busy = [*([loading[0]] if loading else []), *loaded[-2:]]
        writing = writing and row not in busy
        if writing:
            layout = scalar_write_layout(count)
            inputs["write"] = pack(layout, valid=1, row=row, value=numbers[0], shift=numbers[1])
            for word in range(2):
                known[row, word] = cycle + 1, numbers[word]
        if loading:
            row, word = loading
            number = source.randrange(-(1 << 31), 1 << 31)
            layout = scalar_load_layout()
            inputs["load"] = pack(layout, valid=1, row=row, word=word, data=number)
            known[row, word] = cycle + 3, number if word == 0 else number & 63
            met += writing or wrote
            loaded.append(row)
            loading = None if word else (row, 1)
        wrote = writing
        cycles.append(inputs)
    cycles += [{"write": 0, "load": 0}] * latency
    trace = await play(dut, cycles, [*READS, "scale_shift"])
    checked = 0
    for cycle, wanted in enumerate(expected):
        for name, (since, number) in wanted.items():
            if cycle >= since:
                bits = trace[name][cycle + latency]
                got = bits if name == "scale_shift" else to_signed(bits, 32)
                assert got == number, f"{name} in cycle {cycle}: {got}, not {number}"
                checked += 1
    assert checked > 500
    assert met > 100 or count == 1
