"""Coverage: lines, toggles and functional bins that the benches reach, and waivers for the rest."""
