"""Delay lines, chains and sums that know widths and shapes, and nothing of the unit they serve."""
