"""Programs of a core for layers and blocks of quantized networks."""
