"""Results of a build from the report of nextpnr: frequency and critical path."""

import re

# Suffixes that the tools append to the name of a register or net.
TOOL_SUFFIX = re.compile(
    r"_(TRELLIS_FF|SB_DFF\w*?|DFF\w*?|LUT\d|SB_LUT4|SB_CARRY|CCU2C|ALU|PFUMX|L6MUX21|MUX2_LUT\d)_"
    r".*|_D?FFLC$|_LC$|\$CCU2\w*$"
)
HOST = "host."


def plain_name(cell: str) -> str:
    """Return the name of a register or net of the design from the name of a cell in the netlist."""
    name = TOOL_SUFFIX.sub("", cell.removeprefix("$gbuf_"))
    return name.removeprefix(HOST)


def critical_path(nextpnr: dict) -> str:
    """Describe the longest path within one clock domain.

    Parameters
    ----------
    nextpnr : dict
        nextpnr's report.
    """
    within = [p for p in nextpnr["critical_paths"] if p["from"] == p["to"]]
    if not within:
        return "no path from register to register"
    steps = max((p["path"] for p in within), key=lambda path: sum(s["delay"] for s in path))
    routing = sum(step["delay"] for step in steps if step["type"] == "routing")
    total = sum(step["delay"] for step in steps)
    levels = sum(step["type"] == "logic" for step in steps)
    start, end = plain_name(steps[0]["from"]["cell"]), plain_name(steps[-1]["to"]["cell"])
    return (
        f"from {start} to {end}: {total:.1f} ns, {total - routing:.1f} of logic ({levels} "
        f"elements) and {routing:.1f} of routing"
    )


def frequency(nextpnr: dict) -> float:
    """Return the maximum frequency in MHz of the slowest clock."""
    return min(clock["achieved"] for clock in nextpnr["fmax"].values())
