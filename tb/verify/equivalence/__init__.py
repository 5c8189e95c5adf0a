"""Equivalence across tools: simulators agree in every cycle, and Pythons in every byte."""
