"""Matrix units on FPGA boards: built with open tools, measured, and compared."""

from .build import BoardDesign, BuildFailed, Job, build

__all__ = ["BoardDesign", "BuildFailed", "Job", "build"]
