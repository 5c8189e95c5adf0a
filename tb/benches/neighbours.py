"""Files that a user may compile together with a unit."""

# Sets compiler directives, which also apply to the files after it.
DIRECTIVES = """\
`timescale 1ns / 1ps
`default_nettype none
module neighbour (input wire clk, output reg q);
  initial q = 1'b0;
  always @(posedge clk) q <= #1 ~q;
endmodule
"""
