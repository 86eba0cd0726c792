"""What can be run, but for the seed: a network (`ExperimentPlan`), and whatever else a runner knows how to run.

    experiment.name, experiment.written, experiment.sizes

Plain data, so that it reaches every worker. Which two are the same is for their runner to say (`Runner.key`), since
it alone knows what decides the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Experiment(Protocol):
    """What is run, but for the seed."""

    @property
    def name(self) -> str:
        """What messages and tables call it."""

    @property
    def written(self) -> dict[str, Any]:
        """All of it as JSON: what a trial carries, so that it can be run again from the storage alone."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Its counts that are known before it runs, by the names that a trial has for them; empty without any."""
