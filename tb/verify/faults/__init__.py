"""Fault injection: the effect of one flipped bit in the hardware on the results."""
