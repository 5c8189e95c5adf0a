"""Multipliers and memories: portable by default, or the hard blocks of an FPGA family."""
