"""The tables of formats.md: operands on the port and in the array, and what they cost in cycles."""

import dataclasses

from markdown_table import table
from weft import SMALL, MatrixUnitConfig
from weft.float_format import OPERAND_FLOATS
from weft_cli import digits, train_digits
from weft_cli.float_digits import FloatNetwork
from weft_model import Schedule, predict
from weft_model.reference import matmul

# Operands of a unit: formats, cell_width, zero_points.
OPERANDS = (
    ("int8", 0, False),
    ("uint8", 0, False),
    ("int8,uint8", 0, False),
    ("int8", 0, True),
    ("int8,uint8", 0, True),
    ("int16", 0, False),
    ("int16", 8, False),
    ("uint16", 8, False),
    ("int8,uint8,int16", 8, True),
    ("int12", 4, False),
)
# Formats of products on 8-bit cells, activation by weight.
PAIRS = (("int8", "int8"), ("int8", "int16"), ("int16", "int8"), ("int16", "int16"))
# M of products with K = N = 64, on a 16 x 16 array.
HEIGHTS = (1, 4, 8, 16, 64, 1000)
# Sides of square arrays.
SIDES = (4, 8, 16)


def operands() -> str:
    """The lanes of an operand on the port, and what the array multiplies."""
    rows = []
    for formats, cell_width, zero_points in OPERANDS:
        config = MatrixUnitConfig(
            activation=formats,  # type: ignore[arg-type]
            cell_width=cell_width,
            zero_points=zero_points,
        )
        port = config.activation_port
        fields = ["`signed`"] * port.signed_at_run_time + ["`zero_point`"] * port.zero_points
        pieces = ", ".join(str(port.pieces_of(number)) for number in config.activation)
        rows.append(
            (
                formats.replace(",", ", "),
                cell_width or "",
                "yes" if zero_points else "no",
                f"{port.lane.width} bits",
                pieces,
                port.operand,
                ", ".join(fields),
            )
        )
    heads = (
        *("Formats", "`cell_width`", "Zero points", "Lane", "Transfers per row"),
        *("In the array", "Fields of a row"),
    )
    return table(heads, rows)


def pieces() -> str:
    """Cycles of products in 8 and 16 bits on the same 8-bit cells."""
    both = ("int8", "int16")
    config = dataclasses.replace(SMALL, activation=both, weight=both, cell_width=8)
    rows = []
    for m in HEIGHTS:
        cycles = [
            predict(config, [Schedule(config, m, 64, 64, *formats)]).cycles for formats in PAIRS
        ]
        ratios = (f"{count:,} ({count / cycles[0]:.2f})" for count in cycles)
        rows.append((f"{m:,}", *ratios))
    heads = ("M", *(f"{activation} by {weight}" for activation, weight in PAIRS))
    return table(heads, rows)


def floats() -> str:
    """The formats of floats, and what the array multiplies."""
    rows = []
    exact = {name: number for name, number in OPERAND_FLOATS.items() if not number.chains}
    for name, number in exact.items():
        config = MatrixUnitConfig(activation=name, weight=name)  # type: ignore[arg-type]
        rows.append(
            (
                f"`{name}`",
                f"{number.exponent}, {number.fraction}",
                f"2^{number.least_exponent}",
                f"{number.maximum:g}",
                config.activation_port.operand,
                config.accumulator_width,
            )
        )
    heads = (
        *("Format", "Exponent, fraction bits", "Smallest", "Largest"),
        *("In the array", "Bits of a sum, by default"),
    )
    return table(heads, rows)


def chained() -> str:
    """Cycles of products of bfloat16, those spent waiting for a sum, and those of int8."""
    rows = []
    for m in HEIGHTS:
        cells = []
        for side in SIDES:
            int8 = dataclasses.replace(SMALL, rows=side, columns=side)
            bfloat16 = dataclasses.replace(int8, activation="bfloat16", weight="bfloat16")
            base, found = (
                predict(config, [Schedule(config, m, 64, 64)]) for config in (int8, bfloat16)
            )
            waits = found.counters["waiting_for_sum"]
            cells.append(f"{found.cycles:,}, {waits:,} ({found.cycles - base.cycles:+,})")
        rows.append((f"{m:,}", *cells))
    return table(("M", *(f"{side} x {side}" for side in SIDES)), rows)


def digits_in_floats() -> str:
    """Accuracy of the digits network with operands cast to each format, and of the int8 network."""
    images, labels = digits.held_out()
    (scores,) = digits.load().forward([images])
    rows = [("int8, quantized", f"{digits.accuracy(scores, labels):.2%}")]
    parameters, _ = train_digits.stored_parameters()
    for name in OPERAND_FLOATS:
        config = dataclasses.replace(SMALL, activation=name, weight=name, accumulator_width=0)
        network = FloatNetwork.of(config, parameters)
        (scores,) = network.forward(
            [images], lambda operands, c=config: [matmul(c, a, b) for a, b in operands]
        )
        rows.append((f"`{name}`", f"{digits.accuracy(scores, labels):.2%}"))
    scores = train_digits.forward(parameters, train_digits.as_pixels(images))[-1]
    rows.append(("float32, in numpy", f"{digits.accuracy(scores, labels):.2%}"))
    return table(("Operands", "Digits classified correctly"), rows)
