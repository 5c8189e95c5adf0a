"""Campaigns that measure how far the unit can be trusted: `python -m verify NAME`."""
