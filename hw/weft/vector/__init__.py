"""The vector unit: passes over rows of elements."""
