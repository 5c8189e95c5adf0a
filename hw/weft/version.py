"""Version of this package and of the Verilog that it emits."""

__version__ = "0.1.0"
