"""The systolic array: cells, rows, and the edge modules of each kind of array."""
