"""The ways to train that a search space leaves open, and what about a configuration only the whole of it can tell.

    one_training(values, tree, facts).last_batch
    asks_for_the_whole(space, network, 1)     # must every configuration be planned to know whether it can be trained?

A walk lays layer by layer. Some faults show only when network, data and training are together: two layers of one name,
a layer that the native engine has no kernel for, a last batch of one sample before a batch norm, an embedding of what
something before it computes or mixes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from archsearch.data.facts import DataFacts, training_count
from archsearch.errors import SpecError, UsageError
from archsearch.experiment_plan import refuse_training
from archsearch.files import seal
from archsearch.search.runnable import check_device
from archsearch.search.space.domains import Value
from archsearch.search.space.network_space import NetworkSpace
from archsearch.search.space.templates import Fixed, Items, Keys, Open, Repeat, Template
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers.attention import Embedding
from archsearch.spec.layers.own import Own
from archsearch.spec.text.yaml import Tree
from archsearch.train.identity import recipe


@dataclass(frozen=True, slots=True)
class Training:
    """One way to train: the open values that give it, its batch size, the samples left for the last batch."""

    values: dict[str, Value]
    batch_size: int
    last_batch: int
    key: int  # equal for what is one experiment with the same network


def one_training(values: dict[str, Value], tree: dict[str, Tree], facts: DataFacts) -> Training:
    """Read one way to train; raise `ValueError` with the reason where it cannot be, here or at all."""
    try:
        spec = ExperimentSpec.model_validate({**tree, "network": ["identity"]})
        check_device(spec.train)
        refuse_training(spec, facts)
    except ValidationError as error:
        raise ValueError("; ".join(detail["msg"] for detail in error.errors())) from None
    except SpecError as error:
        raise ValueError(error.problems[0].reason) from None
    except UsageError as error:
        raise ValueError(str(error)) from None
    data, train = spec.data, spec.train
    samples = training_count(data, facts.train)
    last = samples % train.batch_size or min(train.batch_size, samples)
    return Training(values, train.batch_size, last, hash(seal(recipe(data, train, facts))))


def asks_for_the_whole(space: NetworkSpace, network: Template, last_batch: int) -> bool:
    """Say whether some configuration may fail for a reason that no layer and no training alone shows.

    `last_batch` is the smallest last batch of all trainings. The names of a base's own network are known to be right.
    """
    if space.baseline.train.engine == "native" or "native" in set(words(space.train)):
        return True
    found = set(words(network))
    named = space.network is not None and "name" in found
    normed = any(word.startswith("batch_norm") or word == Own.kind for word in found)
    return named or Embedding.kind in found or (last_batch == 1 and normed)


def words(template: Template) -> Iterator[str]:
    """Yield every word and key of a template, in whatever configuration it may stand."""
    if isinstance(template, Fixed):
        yield from _words_of(template.value)
    elif isinstance(template, Open):
        yield from (value for value in getattr(template.domain, "labels", ()) if isinstance(value, str))
        for _, option in template.options:
            yield from words(option)
    elif isinstance(template, Keys):
        for key, item in template.items:
            yield key
            yield from words(item)
    elif isinstance(template, Items):
        for item in template.items:
            yield from words(item)
    elif isinstance(template, Repeat):
        for body in template.bodies:
            yield from words(body)


def _words_of(tree: Tree) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from _words_of(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _words_of(value)
