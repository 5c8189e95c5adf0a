"""Campaigns that tell how far the unit can be believed: `python -m verify NAME`."""
