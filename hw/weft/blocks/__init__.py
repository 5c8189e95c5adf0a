"""Delay lines, chains and sums: components that know widths and shapes, but no configuration."""
