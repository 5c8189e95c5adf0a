"""Millions of numbers that are hard to add, through the cell and the adder of floats."""
