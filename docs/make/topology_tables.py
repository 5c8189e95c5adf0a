"""The table of topology.md, from the columns that the reader knows."""

from markdown_table import table
from weft_model.topology import COLUMNS, KINDS


def topology() -> str:
    """Every column of a topology file."""
    heads = ("Column", "Also", "Files", "Values", "When missing or empty", "Meaning")
    rows = [
        (
            f"`{column.name}`",
            ", ".join(f"`{alias}`" for alias in column.aliases),
            "both" if column.kinds == KINDS else " and ".join(column.kinds),
            column.cell.legal,
            "refused" if column.default is None else f"`{column.default}`",
            column.meaning,
        )
        for column in COLUMNS
    ]
    return table(heads, rows)
