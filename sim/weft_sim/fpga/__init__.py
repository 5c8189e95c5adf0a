"""Matrix units on FPGA boards: built with open tools, measured, and compared."""

from .build import BuildFailed, Job, build

__all__ = ["BuildFailed", "Job", "build"]
