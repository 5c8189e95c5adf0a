"""The vector unit of a core: lanes of 32-bit integers, reductions, and a unit for reciprocals."""
