"""The top module: a matrix unit with the ports that a user connects."""
