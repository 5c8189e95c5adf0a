"""The soak of cores: random programs on the RTL, against the machine in numpy."""
