"""The soak: drawn units and products on the RTL, for hours, against numpy and the cycle model."""
