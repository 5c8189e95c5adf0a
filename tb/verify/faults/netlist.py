"""Add an input to the Verilog of a unit that flips any of its stored bits.

The unit is flattened and its memories are mapped to registers, so that every stored bit is in a
register. The next value of each register is then XORed with its bits of the input `fault`. While
`fault` is zero, the unit behaves as before.
"""

import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from weft_sim.cache import cached
from weft_sim.toolchain import require_packages
from weft_sim.yosys import run_yosys

# `rename` hides the numbered names of memory read ports, so that registers get other names.
COMMANDS = (
    "proc",
    "rename -hide */w:_*_",
    "flatten",
    "opt_expr",
    "opt_clean",
    "memory_collect",
    "memory_map",
    # Reads beyond the last row of a memory.
    "setundef -undriven -zero",
    "opt_clean",
)
REGISTER = re.compile(
    r"(?m)^  always @\(posedge aclk\)\n    (\S+) (?: ?\[(\d+)(?::(\d+))?\])? ?<= (.*);$"
)
# A register of parts of signals has only a number; it is named after the signals that it drives.
NUMBERED = re.compile(r"_\d+_")
NAMED = re.compile(rf"(?m)^  assign (.+) = ({NUMBERED.pattern});$")
SLICE = re.compile(r"(\\\S+|\w+) ?(?:\[(\d+)(?::(\d+))?\])?")


@dataclass(frozen=True)
class Bit:
    """One stored bit: the hierarchical name of its register, and its index in the register."""

    register: str
    place: int


@dataclass(frozen=True)
class FaultyNetlist:
    """Verilog with the input `fault`, and the stored bit that each bit of it flips."""

    verilog: str
    bits: tuple[Bit, ...]


def with_faults(verilog: str, top: str, *, all_named: bool = True) -> FaultyNetlist:
    """Flatten the module `top` of emitted Verilog and add an input for faults.

    Parameters
    ----------
    all_named : bool
        Raise ValueError if a register has no name; otherwise such registers cannot be flipped.

    Raises
    ------
    ToolMissing
        If pyosys is not installed.
    yosys.YosysFailed
    """
    return insert_faults(_flattened(verilog, top), all_named=all_named)


def insert_faults(flat: str, *, all_named: bool = True) -> FaultyNetlist:
    """Add the input to a flat module written by Yosys; for `all_named` see `with_faults`.

    Raises
    ------
    ValueError
        If a register has an unexpected form or no name, so that a bit would be missed.
    """
    widths = {
        name: int(high or 0) + 1
        for high, name in re.findall(
            r"(?m)^  (?:reg|wire) (?:signed )?(?:\[(\d+):0\] )?([^\s;]+)", flat
        )
    }
    named = {name: targets for targets, name in re.findall(NAMED, flat)}
    bits: list[Bit] = []
    left_alone = 0

    def flipping(match: re.Match) -> str:
        nonlocal left_alone
        name, high, low, taken = match.groups()
        if not all_named and NUMBERED.fullmatch(name) and name not in named:
            left_alone += 1
            return match[0]
        last = widths[name] - 1 if high is None else int(high)
        first = 0 if high is None else int(low or high)
        start = len(bits)
        stored = _bits_of(named.get(name, name), widths)
        bits.extend(stored[first : last + 1])
        fault = f"fault[{len(bits) - 1}:{start}]"
        return match[0].removesuffix(f"{taken};") + f"{taken} ^ {fault};"

    changed = REGISTER.sub(flipping, flat)
    always = len(re.findall(r"\balways\b", flat))
    if changed.count(" ^ fault[") + left_alone != always:
        raise ValueError(f"only {changed.count(' ^ fault[')} of {always} registers were recognized")
    changed = re.sub(r"(?m)^(module \S+)\(", r"\1(fault, ", changed, count=1)
    changed = changed.replace(");\n", f");\n  input [{len(bits) - 1}:0] fault;\n", 1)
    return FaultyNetlist(changed, tuple(bits))


def _bits_of(written: str, widths: dict[str, int]) -> list[Bit]:
    """Return the bits of a signal, of a slice, or of several in braces; bit 0 first."""
    bits = []
    for part in reversed(written.strip("{} ").split(", ")):
        slice_of = SLICE.fullmatch(part)
        if slice_of is None or NUMBERED.fullmatch(slice_of[1]):
            raise ValueError(f"register {part} has no name")
        name, high, low = slice_of.groups()
        last = widths[name] - 1 if high is None else int(high)
        first = 0 if high is None else int(low or high)
        plain = name.removeprefix("\\").removeprefix("unit.")
        bits += [Bit(plain, place) for place in range(first, last + 1)]
    return bits


def _flattened(verilog: str, top: str) -> str:
    require_packages("pyosys")

    def make(scratch: Path) -> list[str]:
        (scratch / "unit.v").write_text(verilog)
        run_yosys(
            "read_verilog unit.v",
            f"hierarchy -top {top}",
            *COMMANDS,
            "check -assert",
            "write_verilog -noattr flat.v",
            log=scratch / "yosys.log",
            folder=scratch,
        )
        return ["flat.v"]

    key = [verilog, top, *COMMANDS, version("pyosys")]
    return (cached("flat", key, make) / "flat.v").read_text()
