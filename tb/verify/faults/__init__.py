"""What one flipped bit in the hardware does to a result."""
