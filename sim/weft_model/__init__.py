"""The truth in numpy: references, the schedule, the cycle model, layers of networks."""
