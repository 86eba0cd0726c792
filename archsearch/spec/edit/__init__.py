"""Changes of a spec: set, replace, insert, drop; addresses of layers and values."""
