"""Statistics of comparisons: intervals, tests, corrections, power, sequential rules, verdicts. Knows numbers only."""
