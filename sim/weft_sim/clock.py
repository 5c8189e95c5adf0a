"""Clock period and reset length of all simulations."""

PERIOD_NS = 10
RESET_CYCLES = 2
