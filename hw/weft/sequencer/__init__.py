"""The sequencer of a core: it checks, dispatches and starts instructions."""
