"""Print the SHA-256 of each unit's Verilog as JSON; runs on any Python that has Amaranth and weft.

A standalone program. It does not import weft_sim, so that it needs few packages.
"""

import hashlib
import json

from weft.boards import board_named
from weft.core.axi_matrix_unit import AxiMatrixUnit
from weft.emit.export import emit
from weft.emit.verilog import make_design
from weft.host_link import MatrixUnitHost
from weft.matrix.config import MatrixUnitConfig

FORMATS = {"activation": "uint5", "weight": "int11", "accumulator_width": 40}
CONFIGURATIONS = {
    "plain 16x16": MatrixUnitConfig(),
    "plain 5x9": MatrixUnitConfig(rows=5, columns=9, accumulator_depth=7, adder_stages=2),
    "plain 20x17 uint5 by int11": MatrixUnitConfig(rows=20, columns=17, **FORMATS),
    "fast 6x5": MatrixUnitConfig(rows=6, columns=5, inner_product="fast", multiplier_stages=2),
    "fast 16x8": MatrixUnitConfig(rows=16, columns=8, inner_product="fast"),
    "packed 6x5": MatrixUnitConfig(
        rows=6,
        columns=5,
        activation="int4",  # type: ignore[arg-type]
        weight="uint4",  # type: ignore[arg-type]
        inner_product="packed",
    ),
    "soft 4x9": MatrixUnitConfig(rows=4, columns=9, soft_columns=4),
    "checksums 6x7": MatrixUnitConfig(rows=6, columns=7, checksum=True),
    "checksums fast 4x6": MatrixUnitConfig(rows=4, columns=6, checksum=True, inner_product="fast"),
    "pieces and zero points 5x4": MatrixUnitConfig(
        rows=5,
        columns=4,
        activation="uint8,int16",  # type: ignore[arg-type]
        weight="int8,uint8",  # type: ignore[arg-type]
        cell_width=8,
        zero_points=True,
    ),
    "floats 4x3": MatrixUnitConfig(
        rows=4,
        columns=3,
        activation="float6_e2m3fn",  # type: ignore[arg-type]
        weight="float4_e2m1fn",  # type: ignore[arg-type]
    ),
    "soft and fast 4x6": MatrixUnitConfig(rows=4, columns=6, soft_columns=2, inner_product="fast"),
}
FAMILIES = ("ecp5", "ice40", "gowin")
BOARDS = ("ulx3s-85f", "icebreaker")


def texts():
    """Yield the name and the Verilog of each unit."""
    for name, config in CONFIGURATIONS.items():
        yield name, emit(config).verilog
    for family in FAMILIES:
        for name in ("plain 5x9", "fast 6x5"):
            config = CONFIGURATIONS[name]
            design = make_design("unit", AxiMatrixUnit, family=family, config=config)
            yield f"{name} for {family}", design.verilog
    for name in BOARDS:
        board = board_named(name)
        design = make_design(
            "host",
            MatrixUnitHost,
            family=board.family,
            config=board.config,
            # 115,200 bits per second at 12 MHz.
            cycles_per_bit=104,
            clock_hz=12_000_000,
            payload_bytes=board.payload_bytes,
        )
        yield f"host link of {name}", design.verilog


if __name__ == "__main__":
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts()}
    print(json.dumps(sums))
