"""Bus conventions: how the lanes of a number format are placed in the bytes of a port."""
