"""Bus conventions: how the lanes of a number format lie in the bytes of a port."""
