"""The clock of every simulation here, and how long a reset is held."""

PERIOD_NS = 10
RESET_CYCLES = 2
