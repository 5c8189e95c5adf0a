"""Runs the generated Verilog: simulators, native drivers, boards, waves."""

from .matrix_unit_simulator import MatrixUnitSimulator

__all__ = ["MatrixUnitSimulator"]
