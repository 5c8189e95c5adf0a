"""The table of boards in fpga.md, from the one that builds are made with."""

from markdown_table import table
from weft.boards import BOARDS


def boards() -> str:
    """Every board, what is on it, and what is built for it when nothing else is asked for."""
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
        *("Board", "What it is", "LUTs", "8 x 8 multipliers", "Block memories"),
        *("Array", "Clock, MHz", "Baud"),
    )
    return table(heads, rows)
