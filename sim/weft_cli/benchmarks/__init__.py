"""Benchmarks: emission, simulation speed and utilization."""
