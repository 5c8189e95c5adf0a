"""The soak: hours of random units and products on the RTL, against numpy and the cycle model."""
