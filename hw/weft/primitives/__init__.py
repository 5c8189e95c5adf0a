"""Multipliers and memories: portable by default, an FPGA family's own where there is one."""
