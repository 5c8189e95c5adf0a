"""The unified buffer, and the walks over its rows."""
