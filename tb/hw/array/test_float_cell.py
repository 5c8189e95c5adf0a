"""FloatCell: fused multiply-adds of bfloat16, one in every cycle, with a stationary weight."""

import cocotb
import numpy as np
import pytest

from benches.cells import ROW_CONTROL, held_weights, random_control
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.floats import draw_code
from benches.runner import on_icarus, on_simulators
from weft.array.float_cell import FloatCell, SoftFloatCell
from weft.emit.verilog import make_design
from weft.float_format import BFLOAT16, FLOAT32
from weft.matrix.config import MatrixUnitConfig
from weft_model.chained import fused_step

CYCLES = 1500


def cell(stages):
    return MatrixUnitConfig(activation="bfloat16", weight="bfloat16", multiplier_stages=stages)


CONFIGS = {f"{stages} stages": cell(stages) for stages in (1, 0, 3)}


@on_simulators("config", CONFIGS)
def test_float_cell(simulate, config):
    simulate([passes_on_and_multiplies], FloatCell, arithmetic=config.arithmetic)


@on_simulators("config", CONFIGS, verilator=0)
def test_soft_float_cell(simulate, config):
    simulate([passes_on_and_multiplies], SoftFloatCell, arithmetic=config.arithmetic)


@on_icarus
@pytest.mark.parametrize("config", [cell(stages) for stages in range(5)])
def test_float_cell_of_ecp5(simulate, config):
    """With a hard multiplier, outputs are the same in every bit and cycle."""
    simulate([passes_on_and_multiplies], FloatCell, arithmetic=config.arithmetic, family="ecp5")


@pytest.mark.parametrize("component, blocks", [(FloatCell, 1), (SoftFloatCell, 0)])
def test_one_hard_multiplier_is_used(component, blocks):
    arithmetic = CONFIGS["1 stages"].arithmetic
    design = make_design("top", component, family="ecp5", arithmetic=arithmetic)
    assert design.verilog.count("MULT18X18D #") == blocks


def operand_bits(arithmetic, code: int) -> int:
    """Return a code of bfloat16 as the bits of a normalized operand."""
    fraction, exponent = code & 127, code >> 7 & 255
    if exponent == 255:
        exponent = 511
    elif exponent:
        exponent += 7
    elif fraction:
        exponent = fraction.bit_length()
        fraction = fraction << 8 - exponent & 127
    return code >> 15 << 16 | exponent << 7 | fraction


@cocotb.test(**TIMEOUT)
async def passes_on_and_multiplies(dut):
    """Checks every output in every cycle; loads and switches come in any cycle, also together."""
    arithmetic, source = parameters().arithmetic, randomness()
    inputs = []
    for _ in range(CYCLES):
        near = source.choice([64, 127, 127, 190])
        inputs.append(
            {
                "activation_in": draw_code(source, BFLOAT16, near),
                "weight_in": draw_code(source, BFLOAT16, 127),
                **random_control(source),
                "sum": draw_code(source, FLOAT32, near),
            }
        )
    # The registers of a cell are not reset: fill both weights first.
    for cycle, name in enumerate(("load", "switch")):
        inputs[cycle] |= {name: 1, ROW_CONTROL[name]: 1}
    before_sum, height = 1 + arithmetic.multiplier_stages, arithmetic.row_latency
    stimuli = [
        {
            "activation_in": operand_bits(arithmetic, cycle["activation_in"]),
            "weight_in": operand_bits(arithmetic, cycle["weight_in"]),
            **{name: int(cycle[name]) for names in ROW_CONTROL.items() for name in names},
            "sum_in": inputs[n - before_sum]["sum"] if n >= before_sum else 0,
        }
        for n, cycle in enumerate(inputs)
    ]
    await start(dut)
    names = ("activation_out", "weight_out", "sum_out")
    trace = await play(dut, stimuli, names)

    expected = [operand_bits(arithmetic, cycle["activation_in"]) for cycle in inputs[:-1]]
    compare("activation_out", trace["activation_out"][1:], expected, range(1, CYCLES))
    shadows, weights = held_weights(inputs)
    late = height - 1
    expected = [operand_bits(arithmetic, value) for value in shadows[3 : CYCLES - late]]
    cycles = range(3 + late, CYCLES)
    compare("weight_out", trace["weight_out"][3 + late :], expected, cycles)

    latency = before_sum + height
    cycles = range(3, CYCLES - latency)
    bits = np.array([inputs[n]["sum"] for n in cycles], np.uint32)
    activations = np.array([inputs[n]["activation_in"] for n in cycles], np.uint16)
    met = np.array([weights[n] for n in cycles], np.uint16)
    totals = fused_step(
        bits.view(np.float32), activations.view(BFLOAT16.dtype), met.view(BFLOAT16.dtype)
    )
    got = [trace["sum_out"][n + latency] for n in cycles]
    compare("sum_out", got, totals.view(np.uint32).tolist(), [n + latency for n in cycles])
