"""Equivalence across tools: simulators that agree on every cycle, Pythons on every byte."""
