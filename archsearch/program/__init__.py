"""Experiments that archsearch did not build: a command or a Python function that takes a seed and gives metrics."""
