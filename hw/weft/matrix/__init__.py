"""The matrix unit: configuration, streams in, accumulators, results, counters and checksums."""
