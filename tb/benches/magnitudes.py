"""Operands that are magnitudes, and a bench of the cells that multiply them."""

import random
from dataclasses import dataclass

import cocotb

from weft.sign_magnitude import SignMagnitude
from weft.stepped_magnitude import STEP, Kind, SteppedMagnitude

from .bits import gather_parts, in_parts
from .cells import ROW_CONTROL, held_weights, random_control, sum_latency
from .coroutines import TIMEOUT, compare, parameters, play, randomness, start

CYCLES = 1500


@dataclass(frozen=True)
class Operand:
    """A number, infinity or NaN.

    Parameters
    ----------
    magnitude, sign, step : int
        The magnitude and the step are 0 unless the kind is FINITE.
    kind : Kind
    """

    magnitude: int
    sign: int
    kind: Kind
    step: int = 0

    @property
    def integer(self) -> int:
        return (-self.magnitude if self.sign else self.magnitude) << STEP * self.step

    def bits(self, number: SignMagnitude) -> int:
        """Return the bits that it has in the array."""
        width = number.magnitude_width
        bits = self.magnitude | self.sign << width
        if isinstance(number, SteppedMagnitude):
            return bits | self.kind.value << width + 1 | self.step << width + 3
        return bits | (self.kind is Kind.NAN) << width + 1


def draw(source: random.Random, number: SignMagnitude) -> Operand:
    """Return a random operand: an extreme, any number, or sometimes what is no number."""
    sign = source.getrandbits(1)
    kinds = [Kind.NAN, Kind.INFINITE] if isinstance(number, SteppedMagnitude) else [Kind.NAN]
    if source.random() < 0.1:
        kind = source.choice(kinds)
        return Operand(0, sign if kind is Kind.INFINITE else 0, kind)
    step = source.randint(0, getattr(number, "steps", 0))
    largest = min(number.maximum >> STEP * step, (1 << number.magnitude_width) - 1)
    any_magnitude = source.randint(0, largest)
    magnitude = source.choice([largest, 0, 1, *[any_magnitude] * 7])
    if not magnitude:
        return Operand(0, sign, Kind.ZERO)
    return Operand(magnitude, sign, Kind.FINITE, step)


def flags_of(first: Operand, second: Operand, count: int) -> int:
    """Return the flags of a product: with two, +infinity is 1 and -infinity 2."""
    kinds = {first.kind, second.kind}
    if Kind.NAN in kinds or kinds == {Kind.ZERO, Kind.INFINITE}:
        return (1 << count) - 1
    return 1 << (first.sign ^ second.sign) if Kind.INFINITE in kinds else 0


@cocotb.test(**TIMEOUT)
async def passes_on_and_multiplies(dut):
    """Checks every output in every cycle; loads and switches come in any cycle, also together."""
    arithmetic, source = parameters().arithmetic, randomness()
    first, second = arithmetic.activation, arithmetic.weight
    count = arithmetic.flags
    inputs = [
        {
            "activation_in": draw(source, first),
            "weight_in": draw(source, second),
            **random_control(source),
            "sum": source.choice([0, -1, source.getrandbits(arithmetic.sum_width)]),
            "flags": source.choice([*[0] * 9, source.getrandbits(count)]),
        }
        for _ in range(CYCLES)
    ]
    # The registers of a cell are not reset: fill both weights first.
    for cycle, name in enumerate(("load", "switch")):
        inputs[cycle] |= {name: 1, ROW_CONTROL[name]: 1}
    await start(dut)
    names = ("activation_out", "weight_out", "sum_out")
    trace = await play(dut, _to_ports(inputs, arithmetic), names)

    expected = [cycle["activation_in"].bits(first) for cycle in inputs[:-1]]
    compare("activation_out", trace["activation_out"][1:], expected, range(1, CYCLES))
    shadows, weights = held_weights(inputs)
    expected = [value.bits(second) for value in shadows[3:]]
    compare("weight_out", trace["weight_out"][3:], expected, range(3, CYCLES))

    latency = sum_latency(arithmetic)
    cycles = range(3, CYCLES - latency - len(arithmetic.sum_parts))
    modulus = 1 << arithmetic.sum_width
    sums, flags = [], []
    for n in cycles:
        activation, weight = inputs[n]["activation_in"], weights[n]
        sums.append((activation.integer * weight.integer + inputs[n]["sum"]) % modulus)
        flags.append(flags_of(activation, weight, count) | inputs[n]["flags"])
    totals = [bits >> count for bits in trace["sum_out"]]
    got = [gather_parts(totals, n + latency, arithmetic.sum_parts) for n in cycles]
    compare("sum_out", got, sums, [n + latency for n in cycles])
    seen = [trace["sum_out"][n + latency] % (1 << count) for n in cycles]
    compare("flags", seen, flags)
    assert set(flags) == set(range(1 << count))


def _to_ports(inputs, arithmetic) -> list[dict[str, int]]:
    """Return the values of the ports by cycle: part p of a sum comes p cycles after part 0."""
    ports = [
        {
            "activation_in": cycle["activation_in"].bits(arithmetic.activation),
            "weight_in": cycle["weight_in"].bits(arithmetic.weight),
            **{name: int(cycle[name]) for names in ROW_CONTROL.items() for name in names},
            "sum_in": 0,
        }
        for cycle in inputs
    ]
    for n, cycle in enumerate(inputs):
        first = n + sum_latency(arithmetic) - 1
        for part, bits in enumerate(in_parts(cycle["sum"], arithmetic.sum_parts)):
            if first + part < len(ports):
                ports[first + part]["sum_in"] |= bits << arithmetic.flags
        if first < len(ports):
            ports[first]["sum_in"] |= cycle["flags"]
    return ports
