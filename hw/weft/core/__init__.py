"""The top module: a matrix unit with the ports that a user connects; and the sizes of a core."""
