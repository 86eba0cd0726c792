"""Ablations: which change mattered, and is it more than noise? Designs, the planner, statistics, verdicts, attribution.

The protocol that this room follows, with what it was measured to keep, stands in docs/statistics.md.
"""
