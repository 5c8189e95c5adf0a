"""Parts of testbenches that tests share: the runner, coroutines on ports, products and models."""
