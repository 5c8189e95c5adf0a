"""Matrix units on FPGA boards: built with open tools, measured, and compared."""

from .build import BuildFailed, Design, Job, build

__all__ = ["BuildFailed", "Design", "Job", "build"]
