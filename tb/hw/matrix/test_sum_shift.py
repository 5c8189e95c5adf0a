"""SumShift: every sum is shifted by its own shift, modulo the width, in the exact cycle."""

import cocotb

from benches.bits import in_parts, split_signed, to_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.chain import Chain
from weft.matrix.sum_shift import SumShift

ROWS = 500

# Parts of a sum, step, bits of the shift, width of a shifted sum, columns.
SHIFTS = {
    "8 and 16 bits": ((20,), 8, 2, 36, 3),
    "in three parts": ((7, 7, 6), 8, 1, 28, 2),
    "wrapping": ((12, 11), 4, 3, 30, 6),
    "one bit": ((1,), 1, 1, 2, 1),
}


@on_simulators("sum_parts, step, shift_bits, width, links", SHIFTS)
def test_sum_shift(simulate, sum_parts, step, shift_bits, width, links):
    simulate(
        [shifts_every_sum],
        Chain,
        component=SumShift,
        links=links,
        sum_parts=sum_parts,
        step=step,
        shift_bits=shift_bits,
        width=width,
    )


@cocotb.test(**TIMEOUT)
async def shifts_every_sum(dut):
    """A new row in every cycle; column c is c cycles behind, part p of a sum p cycles earlier."""
    chain, source = parameters(), randomness()
    parts, columns, total = chain.sum_parts, chain.links, sum(chain.sum_parts)
    shifts = [source.getrandbits(chain.shift_bits) for _ in range(ROWS)]
    sums = [[source.getrandbits(total) for _ in range(columns)] for _ in range(ROWS)]
    # Cycle of the shift of row 0.
    start_cycle, after = len(parts) - 1, columns + SumShift.latency
    stimuli = [{"shift_in": 0, "sum_in": 0} for _ in range(start_cycle + ROWS + after)]
    for row, (shift, lanes) in enumerate(zip(shifts, sums, strict=True)):
        cycle = start_cycle + row
        stimuli[cycle]["shift_in"] = shift
        for column, number in enumerate(lanes):
            for part, bits in enumerate(in_parts(number, parts)):
                early = len(parts) - 1 - part
                stimuli[cycle + column - early]["sum_in"] |= bits << column * total
    await start(dut)
    trace = await play(dut, stimuli, ["sum_out", "shift_out"])
    shown = [split_signed(bits, chain.width, columns) for bits in trace["sum_out"]]
    expected, got = [], []
    for row, (shift, lanes) in enumerate(zip(shifts, sums, strict=True)):
        signed = [to_signed(number, total) << shift * chain.step for number in lanes]
        expected.append([to_signed(number, chain.width) for number in signed])
        cycle = start_cycle + row + SumShift.latency
        got.append([shown[cycle + column][column] for column in range(columns)])
    compare("sum_out", got, expected)
    first = start_cycle + columns
    compare("shift_out", trace["shift_out"][first : first + ROWS], shifts)
