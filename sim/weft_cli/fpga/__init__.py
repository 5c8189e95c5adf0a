"""Matrix units on FPGA boards: build them with open tools, measure and compare them."""

from .build import BoardDesign, BuildFailed, Job, build

__all__ = ["BoardDesign", "BuildFailed", "Job", "build"]
