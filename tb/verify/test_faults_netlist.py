"""Faults: every register of a flat netlist gets its bits of the fault input"""

import pytest

from verify.faults.netlist import Bit, insert_faults

FLAT = r"""
module top(aclk, i);
  reg [7:0] \unit.near  ;
  reg [3:0] \unit.far  = 4'h0;
  reg one;
  always @(posedge aclk)
    \unit.near  <= { i, 1'h0 };
  always @(posedge aclk)
    \unit.far [3:1] <= i;
  always @(posedge aclk)
    one <= i;
"""


def test_each_register_gets_its_bits_of_the_input():
    netlist = insert_faults(FLAT)
    assert netlist.bits[:8] == tuple(Bit("near", place) for place in range(8))
    assert netlist.bits[8:] == (*(Bit("far", place) for place in (1, 2, 3)), Bit("one", 0))
    assert "module top(fault, aclk, i);\n  input [11:0] fault;" in netlist.verilog
    for taken in ("{ i, 1'h0 } ^ fault[7:0];", "i ^ fault[10:8];", "i ^ fault[11:11];"):
        assert f"<= {taken}" in netlist.verilog


def test_a_register_without_a_name_is_named_after_the_signal_it_drives():
    text = """
  wire [3:0] \\unit.parts  ;
  reg [2:0] _7_;
  always @(posedge aclk)
    _7_ <= i;
"""
    driven = text + "  assign { \\unit.parts [3], \\unit.parts [1:0] } = _7_;\n"
    assert insert_faults(FLAT + driven).bits[12:] == tuple(Bit("parts", n) for n in (0, 1, 3))
    with pytest.raises(ValueError, match="register _7_ has no name"):
        insert_faults(FLAT + text)


def test_no_register_is_missed():
    with pytest.raises(ValueError, match="only 3 of 4 registers were recognized"):
        insert_faults(FLAT + "  always @(negedge aclk)\n    one <= i;\n")
