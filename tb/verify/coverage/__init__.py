"""Coverage: which lines, toggles and situations the benches reach, and what need not be reached."""
