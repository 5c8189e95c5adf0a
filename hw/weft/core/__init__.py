"""Where the parts meet: a unit with the ports that a user wires."""
