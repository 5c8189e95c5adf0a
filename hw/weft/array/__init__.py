"""The systolic array: cells, rows, and the edges of each kind of array."""
