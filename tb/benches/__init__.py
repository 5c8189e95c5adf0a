"""Benches: the runner, coroutines on ports, products, and models that tests share."""
