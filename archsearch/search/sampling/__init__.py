"""Samplers: which configuration of a space is tried next, always one that fits."""
