"""Do published numbers come out again? Every spec with a documented value, planned beforehand and summed up afterwards.

    planned = plan_reproductions(["lenet5"], range(5), Path("runs"), measure=seconds_of_run)
    planned[0].to_run, planned[0].seconds
    reproduced(planned[0], finished, 10_000)[0].summary.documented_inside

Trains nothing itself (`train/seeds.py` does); says by `stats/over_seeds.py` what the seeds say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archsearch.errors import SpecError, UsageError
from archsearch.experiment_plan import ExperimentPlan, load_plan
from archsearch.metrics import kind_of, title_of, written
from archsearch.plain import Plain
from archsearch.spec.catalog import catalog, read_spec
from archsearch.stats import intervals
from archsearch.stats.over_seeds import Summary, beside_prediction, documented_words, size_warning
from archsearch.train.compute import Compute, decide
from archsearch.train.environment import environment_line
from archsearch.train.identity import experiment_key
from archsearch.train.kept import Kept, kept_runs, read_kept
from archsearch.train.run import FinishedRun
from archsearch.train.seeds import seeds_summary, summarised_by, tested_value
from archsearch.wording import capital, chance_text


@dataclass(frozen=True, slots=True)
class PlannedReproduction:
    """A spec with a documented value: its seeds, how many of their runs are kept, the seconds of one (estimated).

    `seconds_from` says what the estimate rests on.
    """

    plan: ExperimentPlan
    compute: Compute
    seeds: tuple[int, ...]
    kept: int
    seconds: float
    seconds_from: str

    @property
    def to_run(self) -> int:
        """How many runs are still to come."""
        return len(self.seeds) - self.kept

    @property
    def seconds_left(self) -> float:
        """The seconds of all of them."""
        return self.to_run * self.seconds


class Reproduced(Plain):
    """What the seeds of a spec say of a documented value; shares are fractions, by seed, None of a diverged run.

    `computed` names the machines, engines and versions, one line each.
    """

    spec: str
    source: str | None
    values: dict[str, float | None]
    summary: Summary
    computed: tuple[str, ...]

    @property
    def named(self) -> str:
        """Name the spec, and what was documented where it is no accuracy."""
        metric = self.summary.metric
        return self.spec if metric == "test_accuracy" else f"{self.spec}, {title_of(metric)}"

    @property
    def sentence(self) -> str:
        """Say it in a sentence or two."""
        summary = self.summary
        words = documented_words(summary)
        lost = f" {summary.diverged} of its runs diverged and count in no mean." if summary.diverged else ""
        if words:
            warning = size_warning(summary)
            return f"{self.spec}: {' '.join(words)}.{lost}" + (f" {capital(warning)}." if warning else "")
        there = "no run" if not summary.n else "one run only"
        return f"{self.spec}: {there} completed, so nothing can be said of the documented value.{lost}"


def documented_specs() -> list[str]:
    """Name every spec of the catalog that has a documented value; one that cannot be read is for `check` to say."""
    found = []
    for name in catalog("specs"):
        try:
            if read_spec(name).spec.documented is not None:
                found.append(name)
        except SpecError:
            continue
    return found


def plan_reproductions(
    references: Sequence[str],
    seeds: Sequence[int],
    runs_dir: Path,
    measure: Callable[[ExperimentPlan], float],
    *,
    fresh: bool = False,
) -> list[PlannedReproduction]:
    """Plan the runs of specs, the shortest first; `measure` gives the seconds of one where no such run is kept.

    `fresh` says that kept runs are trained again.

    Raises `SpecError` for a spec that is none, `UsageError` for one that has nothing to reproduce.
    """
    plans = {reference: load_plan(reference) for reference in dict.fromkeys(references)}
    without = [reference for reference, plan in plans.items() if plan.spec.documented is None]
    if without:
        raise UsageError(
            f"{', '.join(without)}: no documented value is there to be reproduced; write it into the spec "
            f"(documented: {{test_accuracy: 0.98}}), or run several seeds without one: "
            f"archsearch run {without[0]} --seeds {len(seeds)}"
        )
    there = kept_runs(runs_dir)
    planned = [_planned(plan, seeds, there, measure) for plan in plans.values()]
    if fresh:
        planned = [replace(one, kept=0) for one in planned]
    return sorted(planned, key=lambda one: (one.seconds_left, one.plan.name))


def _planned(
    plan: ExperimentPlan,
    seeds: Sequence[int],
    there: dict[str, list[Path]],
    measure: Callable[[ExperimentPlan], float],
) -> PlannedReproduction:
    compute = decide(plan)
    kept = [
        one
        for one in read_kept(there.get(experiment_key(plan), []))
        if (one.device, one.engine) == (compute.device, compute.engine)
    ]
    main = f"test_{plan.task.main_metric}"
    mine = {one.seed for one in kept if one.seed in seeds and _is_done(one, main)}
    took = [float(one.result["seconds"]) for one in kept if one.result.get("status") == "completed"]
    seconds = intervals.mean(took) if took else measure(plan) if len(mine) < len(seeds) else 0.0
    return PlannedReproduction(
        plan, compute, tuple(seeds), len(mine), seconds, f"{len(took)} kept runs" if took else "timed batches"
    )


def _is_done(kept: Kept, main: str) -> bool:
    return kept.result.get("status") == "diverged" or kept.result.get(main) is not None


def reproduced(
    planned: PlannedReproduction, finished: Sequence[FinishedRun], test_images: int
) -> tuple[Reproduced, ...]:
    """Sum up the runs of a spec, once for each of its documented values."""
    plan = planned.plan
    return tuple(
        Reproduced(
            spec=plan.name,
            source=plan.spec.source,
            values={str(one.result.seed): tested_value(one, plan.task, metric) for one in finished},
            summary=seeds_summary(finished, plan, test_images, metric),
            computed=tuple(dict.fromkeys(environment_line(one.result.environment) for one in finished)),
        )
        for metric in summarised_by(plan)
    )


# -- as a table --------------------------------------------------------------------------------------------------------

COLUMNS = ("spec", "documented", "n", "mean", "SD", "95 % interval of the mean", "95 % prediction interval", "inside")
CHANCE = "chance of one more run at least so good"


def row_of(one: Reproduced) -> tuple[str, ...]:
    """Write what came out of a spec as cells under `COLUMNS` and `CHANCE`; what is not known is a dash."""
    summary = one.summary
    share = kind_of(summary.metric) == "percent"
    documented, ends = "-" if summary.documented is None else written(summary.metric, summary.documented), "-"
    if summary.documented is not None and summary.prediction95 is not None:
        texts = beside_prediction(summary.documented, summary.prediction95, summary.metric)
        documented, ends = (f"{text}{' %' * share}" for text in texts)
    inside = {None: "-", True: "yes", False: "NO"}[summary.documented_inside]
    return (
        one.named,
        documented,
        f"{summary.n}" + (f" (+{summary.diverged} diverged)" if summary.diverged else ""),
        "-" if summary.mean is None else summary.mean_words,
        "-" if summary.sd is None else f"{100 * summary.sd:.2f}" if share else f"{summary.sd:.3g}",
        "-" if summary.ci95 is None else summary.interval_words,
        ends,
        inside,
        "-" if summary.documented_chance is None else chance_text(summary.documented_chance),
    )


def markdown_of(found: Sequence[Reproduced], command: str) -> str:
    """Write all of it as Markdown: the table, every seed's value, what computed them, the command."""
    lines = ["| " + " | ".join((*COLUMNS, CHANCE)) + " |", "| " + " | ".join("---" for _ in (*COLUMNS, CHANCE)) + " |"]
    lines += [
        "| " + " | ".join((one.named.replace(one.spec, f"`{one.spec}`", 1), *row_of(one)[1:])) + " |" for one in found
    ]
    what = "Test accuracies" if all(one.summary.metric == "test_accuracy" for one in found) else "On the test data"
    lines += ["", f"{what}; the SD of a share is in points. Intervals are Student's t with n - 1 degrees of freedom."]
    lines += ["", "Seed by seed, shares in per cent:", ""]
    for one in found:
        scale = 100 if kind_of(one.summary.metric) == "percent" else 1
        form = ".2f" if scale == 100 else ".4g"
        values = (f"{seed}: {'diverged' if v is None else f'{scale * v:{form}}'}" for seed, v in one.values.items())
        lines.append(f"- {one.named.replace(one.spec, f'`{one.spec}`', 1)}: {', '.join(values)}")
    lines += ["", f"    {command}", ""]
    lines += [f"Computed on {line}." for line in dict.fromkeys(line for one in found for line in one.computed)]
    return "\n".join(lines) + "\n"
