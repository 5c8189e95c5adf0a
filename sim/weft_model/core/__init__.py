"""The core as a machine in numpy, and the checker of its programs."""
