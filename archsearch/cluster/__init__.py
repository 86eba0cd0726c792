"""Studies on many machines: workers with nothing but a storage's URL, and who starts them."""
