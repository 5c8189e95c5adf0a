"""The instruction set: one table of fields for hardware, assembler, models and docs."""
