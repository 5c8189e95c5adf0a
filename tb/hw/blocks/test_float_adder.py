"""FloatAdder: sums with addends of both kinds, against numpy, in the exact cycle."""

import random

import cocotb
import numpy as np

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.floats import draw_code
from benches.runner import on_simulators
from weft.blocks.float_adder import FloatAdder, addend_layout
from weft.float_format import BFLOAT16, FLOAT32, FloatFormat
from weft_model.chained import canonical, float_sum

ROWS = 4000

ADDERS = {
    "products of bfloat16": (FLOAT32, 14),
    "float32": (FLOAT32, 23),
    "sums of bfloat16": (BFLOAT16, 7),
}


@on_simulators("number, fraction", ADDERS)
def test_float_adder(simulate, number, fraction):
    simulate([adds_numbers], FloatAdder, number=number, fraction=fraction)


def unpacked(number: FloatFormat, code: int) -> dict[str, int]:
    """Return the fields of an addend that is a number of the format itself."""
    fraction = code % (1 << number.fraction)
    exponent = code >> number.fraction & (1 << number.exponent) - 1
    special = exponent == (1 << number.exponent) - 1
    return {
        "significand": fraction | (exponent > 0) << number.fraction,
        "exponent": max(exponent, 1),
        "sign": code >> number.width - 1,
        "zero": 0,
        "infinite": int(special and not fraction),
        "nan": int(special and fraction > 0),
    }


def draw_product(source: random.Random, exponent: int, fraction: int) -> dict[str, int]:
    """Return the fields of an addend that is a product, at least 1 unless it is zero."""
    zero = source.random() < 0.1
    kind = source.choice(["infinite", "nan"]) if source.random() < 0.05 else None
    width = fraction + 2
    significand = source.choice(
        [1 << fraction, (1 << width) - 1, source.randint(1 << fraction, (1 << width) - 1)]
    )
    near = source.random() < 0.7
    return {
        "significand": 0 if zero else significand,
        "exponent": exponent + source.randint(-4, 4) if near else source.randint(-139, 381),
        "sign": source.getrandbits(1),
        "zero": int(zero),
        "infinite": int(kind == "infinite"),
        "nan": int(kind == "nan"),
    }


def value_of(number: FloatFormat, fraction: int, fields: dict[str, int]) -> float:
    """Return an addend as a double, which holds it exactly."""
    if fields["nan"]:
        return np.nan
    magnitude = np.inf if fields["infinite"] else float(fields["significand"])
    magnitude = np.ldexp(magnitude, fields["exponent"] - number.bias - fraction)
    return -magnitude if fields["sign"] else magnitude


@cocotb.test(**TIMEOUT)
async def adds_numbers(dut):
    """A new pair in every cycle; many sums nearly cancel, are ties, subnormal or infinite."""
    given, source = parameters(), randomness()
    number, fraction = given.number, given.fraction
    layout = addend_layout(number, fraction)
    product = fraction < number.fraction
    stimuli, totals, addends = [], [], []
    for _ in range(ROWS + FloatAdder.latency):
        exponent = source.choice([source.randint(0, 254), source.choice([1, 2, 3, 30, 253])])
        code = draw_code(source, number, exponent)
        if product:
            fields = draw_product(source, exponent, fraction)
        else:
            fields = unpacked(number, draw_code(source, number, exponent))
        bits = f"u{number.width // 8}"
        totals.append(np.array([code], bits).view(number.dtype)[0])
        addends.append(value_of(number, fraction, fields))
        stimuli.append({"total": code, "addend": layout.const(fields).as_value().value})
    await start(dut)
    trace = await play(dut, stimuli, ["o"])
    total = np.array(totals, number.dtype)
    with np.errstate(all="ignore"):
        if product:
            expected = canonical((total + np.array(addends)).astype(np.float32))
        else:
            wide = float_sum(total.astype(np.float32), np.array(addends, np.float32))
            expected = canonical(wide.astype(number.dtype))
    codes = expected.view(f"u{number.width // 8}").tolist()
    compare("o", trace["o"][FloatAdder.latency :], codes[:ROWS])
