"""What a training recipe asks of the data, beside their task: samples with one class, images, samples that count alike.

    refuse_recipe(spec, describe(spec.data))

Knows specs and facts; no samples are looked at.
"""

from __future__ import annotations

from archsearch.data.facts import DataFacts, training_count
from archsearch.errors import SpecError
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.network import size_text

MOST_WEIGHED = 2**24  # torch.multinomial takes no more


def refuse_recipe(spec: ExperimentSpec, facts: DataFacts) -> None:
    """Raise `SpecError` where the recipe asks something of the data that they do not have."""
    _labels_where_needed(spec, facts)
    _samples_can_be_mixed(spec, facts)


def _labels_where_needed(spec: ExperimentSpec, facts: DataFacts) -> None:
    """Refuse what is done to the class of a sample where samples have no class, or several."""
    asked = {"sampler": spec.train.sampler == "balanced", "label_noise": spec.train.label_noise > 0}
    for key in (key for key, is_asked in asked.items() if is_asked and facts.task.groups < 2):
        raise SpecError(
            f"{key} {getattr(spec.train, key)} is for classification and binary, where each sample has one class; "
            f"{spec.data.name} is for {facts.task.name}, leave it out",
            ("train", key),
        )
    if asked["sampler"] and (samples := training_count(spec.data, facts.train)) > MOST_WEIGHED:
        raise SpecError(
            f"sampler balanced draws from {MOST_WEIGHED:,} samples at most and there are {samples:,}; "
            "use data.train_limit, or train.loss: {cross_entropy: {weight: balanced}}",
            ("train", "sampler"),
        )


def _samples_can_be_mixed(spec: ExperimentSpec, facts: DataFacts) -> None:
    """Refuse to mix samples with weights, and to cut out of what is no image."""
    asked = [key for key in ("mixup", "cutmix") if getattr(spec.train, key) is not None]
    if asked and facts.weighted:
        raise SpecError(
            f"{asked[0]} mixes samples that count alike, and those of {spec.data.name} have weights; leave out one of "
            "both",
            ("train", asked[0]),
        )
    if "cutmix" in asked and len(facts.shape) != 3:
        raise SpecError(
            f"cutmix is for images, and a sample of {spec.data.name} is {size_text(facts.shape)}; use mixup",
            ("train", "cutmix"),
        )
