"""Verilog: what elaboration leaves behind, the names of lanes, and the ports of modules."""

import gc

import pytest
from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.blocks.lanes import Lanes
from weft.emit.verilog import make_design, ports_of


class Adder(wiring.Component):
    """Adds two lanes; its structure has a field."""

    def __init__(self, *, fails: bool = False):
        self.fails = fails
        lanes = Lanes(8, 2)
        super().__init__(
            {
                "i": In(lanes),
                "also": In(lanes),
                "row": In(data.StructLayout({"last": 1, "lanes": lanes})),
                "o": Out(9),
            }
        )

    def elaborate(self, platform):
        COLLECTING.append(gc.isenabled())
        if self.fails:
            raise ValueError("it fails")
        m = Module()
        m.d.sync += self.o.eq(self.i[0] + self.row.lanes[1] + self.row.last + self.also[1])
        return m


COLLECTING: list[bool] = []


@pytest.fixture(params=[True, False], ids=["collecting", "not-collecting"])
def collecting(request):
    """Whether the garbage collector runs before and after."""
    was = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    COLLECTING.clear()
    yield request.param
    (gc.enable if was else gc.disable)()


def test_the_garbage_collector_pauses_and_goes_on(collecting):
    make_design("adder", Adder)
    assert COLLECTING == [False]
    assert gc.isenabled() == collecting


def test_the_garbage_collector_goes_on_after_a_failure(collecting):
    with pytest.raises(ValueError, match="it fails"):
        make_design("adder", Adder, fails=True)
    assert gc.isenabled() == collecting


def test_fields_have_names_and_lanes_have_none():
    verilog = make_design("adder", Adder).verilog
    assert "assign row_last = row[0];" in verilog
    assert "i[15:8]" not in verilog and "row_lanes = row[16:1];" in verilog
    assert "\\" not in verilog


def test_ports_of_a_module_have_their_directions():
    ports = ports_of(make_design("adder", Adder).verilog, "adder")
    assert ports == dict.fromkeys(["i", "also", "row", "clk", "rst"], "input") | {"o": "output"}


def test_ports_as_yosys_declares_them():
    verilog = """\
module other(x);
  input x;
endmodule
module unit(a, b, clk);
  input a;
  wire a;
  output signed [7:0] b;
  reg signed [7:0] b;
  input clk;
  wire clk;
endmodule
"""
    assert ports_of(verilog, "unit") == {"a": "input", "b": "output", "clk": "input"}
    with pytest.raises(ValueError, match="the Verilog has no module uni"):
        ports_of(verilog, "uni")
