"""The tables of boards and of refused builds, from the code of the builds."""

import dataclasses

from markdown_table import table
from weft.boards import BOARDS, Board
from weft.boards.clocks import pll_for
from weft.host_link import cycles_per_bit_of
from weft_cli.fpga.build import BuildFailed, Job

# Requests that no board can satisfy: board, changes of its unit, and changes of the build.
REFUSED = (
    ("ulx3s-85f", {"rows": 16, "columns": 16}, {}),
    ("icebreaker", {}, {"clock_mhz": 3}),
    ("icebreaker", {}, {"baud": 9_000_000}),
)
# Variables of `make fpga`.
VARIABLES = {"rows": "ROWS", "columns": "COLUMNS", "clock_mhz": "CLOCK", "baud": "BAUD"}


def boards() -> str:
    """Every board, its resources, and the defaults of its build."""
    rows = [
        (
            f"`{b.name}`",
            b.title,
            f"{b.luts:,}",
            b.multiplier_blocks * b.multipliers_per_block,
            b.block_memories,
            f"{b.config.rows} x {b.config.columns}",
            f"{b.clock_mhz:g}",
            f"{b.baud:,}",
        )
        for b in BOARDS.values()
    ]
    heads = (
        *("Board", "Title", "LUTs", "8 x 8 multipliers", "Block memories"),
        *("Array", "Clock, MHz", "Baud"),
    )
    return table(heads, rows)


def refusals() -> str:
    """What `make fpga` says of requests that a board cannot satisfy."""
    rows = []
    for name, unit, build in REFUSED:
        given = [f"{VARIABLES[key]}={value}" for key, value in (unit | build).items()]
        command = f"`make fpga BOARD={name} {' '.join(given)}`"
        rows.append((command, refusal(BOARDS[name], unit, build)))
    return table(("Command", "Message"), rows)


def refusal(board: Board, unit: dict[str, int], build: dict[str, int]) -> str:
    """The message about one request."""
    config = dataclasses.replace(board.config, **unit)
    asked = {"clock_mhz": board.clock_mhz, "baud": board.baud} | build
    try:
        job = Job(board=board, config=config, seed=1, **asked)
        pll = pll_for(board.family, board.oscillator_hz, round(job.clock_mhz * 1e6))
        cycles_per_bit_of(pll.hz, job.baud)
    except (BuildFailed, ValueError) as error:
        return str(error)
    raise ValueError(f"{board.name} does not refuse {unit | build}")
