"""The space of networks: what a search file leaves open in layers, data and training, over a spec.

    NetworkSpace(base, shared, network, data, train, SizeLimits(parameters=100_000)).with_values({"conv.depth": 3})

One sample is one `ExperimentSpec`; whether its layers fit is asked of it as of any spec. Which values give a known spec
is found by `locate.py`. No Optuna, no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from archsearch.errors import LimitError, SpecError, UsageError
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.search.runnable import check_runs_here
from archsearch.search.space.domains import Value
from archsearch.search.space.never import Forbidden
from archsearch.search.space.overlay import laid_over, trained_alike
from archsearch.search.space.space import InfeasibleError, SearchSpace, Values
from archsearch.search.space.templates import Items, Keys, Open, Template, resolve, skeleton
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.losses import EVAL_LOSS, minimises_eval_loss
from archsearch.spec.network import PlanError
from archsearch.spec.text.sentences import problem_sentence
from archsearch.spec.text.yaml import Tree

TOO_LARGE = "over the limits on layers, parameters or memory of a batch that hold for every spec"


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """What a sampled network may have at the most; None is no limit beyond the library's."""

    parameters: int | None = None
    macs: int | None = None

    def broken_by(self, parameters: int, macs: int) -> str | None:
        """Say which limit a network of so many breaks."""
        for what, most, counted in (("parameters", self.parameters, parameters), ("MACs", self.macs, macs)):
            if most is not None and counted > most:
                return f"more than {most:,} {what}"
        return None


@dataclass(frozen=True)
class NetworkSpace(SearchSpace):
    """The open values of a search over its base. A part that the search does not name is the base's."""

    base: ExperimentSpec
    shared: tuple[Open, ...]
    network: Items | None
    data: Template
    train: Template
    limits: SizeLimits
    never: tuple[Forbidden, ...] = ()

    @property
    def baseline(self) -> ExperimentSpec:
        """The base with what the study fixes of data and training: what the candidates are compared with."""
        return trained_alike(self.base, self.data, self.train)

    @property
    def templates(self) -> Sequence[Template]:
        """The layers where they are open, data and training."""
        return (*((self.network,) if self.network is not None else ()), self.data, self.train)

    def identity(self, metrics: Sequence[str]) -> dict[str, Any]:
        """Give base, space and limits, and what a loss is measured by.

        That is said only where version 0.1.0 took each run's own loss instead of it.
        """
        train = self.base.train
        opened = any(key == "loss" for key, _ in self.train.items) if isinstance(self.train, Keys) else True
        own = "val_loss" in metrics and (opened or not minimises_eval_loss(train.loss, EVAL_LOSS))
        return ({"measured_by": train.eval_loss} if own else {}) | {
            "base": self.base.model_dump(mode="json", exclude={"name", "summary", "source", "departures"}),
            "space": {name: str(domain) for name, domain in self.parameters().items()},
            "template": skeleton(self.shared, self.network, self.data, self.train),
            "limits": {"parameters": self.limits.parameters, "macs": self.limits.macs},
            **({"never": [str(one) for one in self.never]} if self.never else {}),
        }

    def tree(self, choose: Callable[[Open], Value]) -> tuple[dict[str, Tree], Values]:
        """Make one sample: the base with the chosen layers, data and training."""
        values: Values = {}

        def once(value: Open) -> Value:
            if value.name not in values:
                values[value.name] = choose(value)
            return values[value.name]

        for value in self.shared:
            once(value)
        tree = _plain(self.base)
        if self.network is not None:
            tree["network"] = resolve(self.network, once)
        for part, template in (("data", self.data), ("train", self.train)):
            tree[part] = laid_over(tree[part], resolve(template, once))
        return tree, values

    def plan(self, tree: dict[str, Tree]) -> ExperimentPlan:
        """Plan a sample as a run would be planned; raise `InfeasibleError` if it cannot be trained here."""
        try:
            plan = plan_experiment(ExperimentSpec.model_validate(tree))
            check_runs_here(plan)
        except ValidationError as error:
            said = [problem_sentence(detail, ExperimentSpec) for detail in error.errors(include_url=False)]
            raise InfeasibleError("; ".join(said)) from None
        except LimitError as error:
            raise InfeasibleError(error.problems[0].message, TOO_LARGE) from None
        except SpecError as error:
            layer = error.layer if isinstance(error, PlanError) else ""
            raise InfeasibleError(error.problems[0].message, error.problems[0].reason, layer, error.loc) from None
        except UsageError as error:
            raise InfeasibleError(str(error)) from None
        broken = self.limits.broken_by(plan.network.parameters, plan.network.macs)
        if broken:
            raise InfeasibleError(broken)
        return plan


def _plain(spec: ExperimentSpec) -> dict[str, Tree]:
    """Write the base without its claims: they are not true of a sample."""
    tree: dict[str, Tree] = spec.model_dump(mode="json", include={"name", "data", "network", "train"})
    return tree


def layers_of_base(base: ExperimentSpec) -> list[Tree]:
    """Write the layers of a base as a file has them."""
    layers = _plain(base)["network"]
    assert isinstance(layers, list)
    return layers
