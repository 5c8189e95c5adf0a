"""Netlists of components after synthesis for an FPGA family, and models of its cells.

`cells/<family>.v` includes the models of Yosys, and adds models of hard blocks of which Yosys has
only the ports. It may also replace a model of Yosys.
"""

import importlib.util
import re
from importlib.metadata import version
from pathlib import Path

from weft_cli.fpga.families import FAMILIES
from weft_sim.cache import cached
from weft_sim.toolchain import ToolMissing
from weft_sim.yosys import run_yosys

CELLS = Path(__file__).parent / "cells"
# Options that keep ports as ports: the benches do not test pads.
WITHOUT_PADS = {"gowin": "-noiopads"}


def cell_models(family: str) -> str:
    """Return the Verilog of the cells of a family, with the included files inlined."""
    package = importlib.util.find_spec("pyosys")
    if package is None or package.origin is None:
        raise ToolMissing("pyosys")
    share = Path(package.origin).parent / "share"
    ours = (CELLS / f"{family}.v").read_text()

    def included(match: re.Match) -> str:
        models = (share / match[1]).read_text()
        for name in re.findall(r"(?m)^module (\w+)", ours):
            models = re.sub(rf"(?ms)^module {name}\b.*?^endmodule", "", models)
        return models

    return re.sub(r'(?m)^`include "(.+)"$', included, ours)


def synthesize(verilog: str, top: str, family: str) -> str:
    """Return the netlist of `verilog` after synthesis for the family, as one flat module."""
    command = f"{FAMILIES[family].synthesis} {WITHOUT_PADS.get(family, '')} -top {top}"

    def make(scratch: Path) -> list[str]:
        source = scratch / "source.v"
        source.write_text(verilog)
        run_yosys(
            f"read_verilog {source}",
            command,
            "check -assert",
            f"write_verilog -noattr {scratch / 'netlist.v'}",
            log=scratch / "yosys.log",
        )
        return ["netlist.v"]

    entry = cached("netlist", [verilog, command, version("pyosys")], make)
    return (entry / "netlist.v").read_text()
