"""Open values in a spec: reading them, counting what they make, walking what fits."""
