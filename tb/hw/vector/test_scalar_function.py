"""ScalarFunction: reciprocals are written to their row scalars, and errors are not."""

import cocotb
import numpy as np

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, compare, play, randomness, start
from benches.runner import on_simulators
from weft.vector.row_scalars import scalar_write_layout
from weft.vector.scalar_function import ScalarFunction, function_layout
from weft_model.core.reciprocal import MOST_SHIFT, reciprocal

ROWS = 100


@on_simulators("row_scalars", {"100": ROWS})
def test_scalar_function(simulate, row_scalars):
    simulate([writes_reciprocals], ScalarFunction, row_scalars=row_scalars)


@cocotb.test(**TIMEOUT)
async def writes_reciprocals(dut):
    """An operand every `latency` cycles, each with another row."""
    source = randomness()
    await start(dut)
    layout, writes = function_layout(ROWS), scalar_write_layout(ROWS)
    idle = {"operands__valid": 0}
    cycles, expected, errors, ends = [], [], [], []
    for number in range(40):
        x = source.choice([0, -3, 1, source.randrange(1, 1 << 31)])
        shift, row, last = source.randrange(64), source.randrange(ROWS), source.getrandbits(1)
        payload = pack(layout, x=x, row=row, last=last)
        cycles.append({"operands__valid": 1, "operands__payload": payload, "shift": shift})
        cycles += [idle | {"operands__payload": 0}] * (ScalarFunction.latency - 1)
        found = (number + 1) * ScalarFunction.latency
        if x <= 0 or x.bit_length() - 1 + shift > MOST_SHIFT:
            errors.append(found)
            continue
        multiplier, total = reciprocal(np.array([x]), shift=shift)
        expected.append([found, row, int(multiplier[0]), int(total[0])])
        ends += [found] * last
    trace = await play(dut, [*cycles, idle], ["write", "ends", "error"])
    seen = [(cycle, unpack(writes, bits)) for cycle, bits in enumerate(trace["write"])]
    got = [[c, w["row"], w["value"], w["shift"]] for c, w in seen if w["valid"]]
    assert len(errors) > 3
    compare("cycle, row, value and shift", got, expected)
    for name, wanted in (("error", errors), ("ends", ends)):
        assert [cycle for cycle, high in enumerate(trace[name]) if high] == wanted
