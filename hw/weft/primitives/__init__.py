"""Multipliers and memories: portable by default, an FPGA family's own blocks where a platform names one."""
