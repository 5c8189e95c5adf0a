"""Proofs that two Verilog texts of a module are equivalent."""

import json
from pathlib import Path

from benches.runner import whole_yosys
from weft.matrix.config import MatrixUnitConfig

# A unit with parts of sums, and with operands and memories of odd sizes, that is quick to prove.
NARROW = MatrixUnitConfig(
    rows=2,
    columns=3,
    activation="int3",
    weight="uint3",
    accumulator_depth=5,
    accumulator_width=9,
    adder_stages=2,
)


def prove_equal(before: str, after: str, folder: Path, *, top: str = "unit") -> int:
    """Prove that module `top` of two Verilog texts is equivalent; return its number of registers.

    The proof assumes equal states at its start, so the initial values are compared as well.
    """
    commands = []
    texts = {"before": before, "after": after}
    for name, text in texts.items():
        (folder / f"{name}.v").write_text(text)
        commands += [
            f"read_verilog {folder / name}.v",
            f"hierarchy -check -top {top}",
            "proc",
            "flatten",
            "memory",
            "opt_clean",
            f"rename {top} {name}",
            f"write_json {folder / name}.json",
            f"design -stash {name}",
        ]
    commands += [f"design -copy-from {name} -as {name} {name}" for name in texts]
    commands += ["equiv_make before after both", "hierarchy -top both", "equiv_simple"]
    whole_yosys(*commands, "equiv_induct", "equiv_status -assert")
    started, ended = (_initial_values(folder / f"{name}.json") for name in texts)
    assert started == ended
    return len(started)


def _initial_values(path: Path) -> dict[str, str]:
    """Map registers and memory words of a Yosys netlist to their initial values."""
    (netlist,) = json.loads(path.read_text())["modules"].values()
    wires = netlist["netnames"].items()
    return {
        name: wire["attributes"]["init"] for name, wire in wires if "init" in wire["attributes"]
    }
