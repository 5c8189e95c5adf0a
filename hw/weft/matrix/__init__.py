"""The matrix unit: configuration, input streams, accumulators, results, counters and checksums."""
