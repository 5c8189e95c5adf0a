"""The version of this package and of the Verilog it writes."""

__version__ = "0.1.0"
