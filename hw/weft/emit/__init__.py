"""Verilog: what the hardware becomes."""
