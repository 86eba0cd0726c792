"""What the Python interface gives back: results that show themselves in a notebook, and go to a frame or a report.

result = ablate(train, baseline={"norm": "batch"}, factors={"norm": ["layer"]}, metric="accuracy")
result.sentence, result.effects[0].ci95, result.to_frame(), result.report("norm.html")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.ablate.compare import Compared, Measurements
from archsearch.ablate.forecast import Forecast
from archsearch.ablate.planned import Ablation
from archsearch.ablate.record import AblationReport
from archsearch.ablate.table import effects_table
from archsearch.api.shown import table_html, verdicts_html
from archsearch.errors import UsageError
from archsearch.markup import html_text
from archsearch.search.search import StudyReport
from archsearch.stats.effect import Effect
from archsearch.stats.sentence import amount
from archsearch.wording import count_of, seconds_text

if TYPE_CHECKING:
    import pandas as pd

    from archsearch.report.make import Made

_EFFECT = (
    "variant", "against", "n", "mean", "baseline_mean", "mean_difference", "sd", "ci95", "p", "p_adjusted", "d_z",
    "wins", "pair_correlation", "seeds_saved", "verdict", "sentence",
)  # fmt: skip


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a pandas frame; raise `UsageError` where pandas is not installed."""
    try:
        import pandas as pd
    except ImportError:
        raise UsageError("to_frame() needs pandas, which is not installed: pip install pandas") from None
    return pd.DataFrame([dict(row) for row in rows])


def _effects_frame(effects: Sequence[Effect]) -> pd.DataFrame:
    rows = []
    for effect in effects:
        row = {name: getattr(effect, name) for name in _EFFECT if name != "ci95"}
        low, high = effect.ci95 or (None, None)
        rows.append(row | {"ci95_low": low, "ci95_high": high})
    return frame_of(rows)


def _write(made: Made, path: str | Path | None) -> Path:
    from archsearch.report.write import write

    target = Path(path) if path is not None else made.path("html")
    form = {".md": "md", ".tex": "tex", ".json": "json"}.get(target.suffix.lower(), "html")
    (written,) = write(made.document, target, form)
    return written


@dataclass(frozen=True, slots=True)
class AblationResult:
    """What an ablation came to. Numbers are in the metric's own unit; accuracies are fractions.

    `found` is the whole record (see `archsearch.ablate.record.AblationReport`), `runs_dir` and `storage` say where the
    study lies.
    """

    found: AblationReport
    runs_dir: Path
    storage: str | None = None

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Give every comparison with its baseline: difference, intervals, p values, verdict, sentence."""
        return self.found.effects

    @property
    def complete(self) -> bool:
        """Say whether all runs are done; before, there are no verdicts."""
        return self.found.complete

    @property
    def verdicts(self) -> dict[str, str]:
        """Give the verdict of each comparison: better, worse, equivalent, inconclusive."""
        return {effect.variant: effect.verdict for effect in self.effects}

    @property
    def sentences(self) -> tuple[str, ...]:
        """Say what was found: the headline, then each comparison, the clear ones first."""
        from archsearch.report.answers.verdicts import answer

        return answer(self.found)

    @property
    def sentence(self) -> str:
        """Say what was found in one line: the sentence of the one comparison, or the headline of several."""
        return self.effects[0].sentence if len(self.effects) == 1 else self.sentences[0]

    def to_frame(self) -> pd.DataFrame:
        """Give the comparisons as a pandas frame, a row each; raise `UsageError` without pandas."""
        return _effects_frame(self.effects)

    def values(self) -> pd.DataFrame:
        """Give the metric of every run as a pandas frame: cell, seed, value (None: that run failed)."""
        cells = self.found.cells
        return frame_of(
            [
                {"cell": cell.name, "seed": int(seed), self.found.family.metric: value}
                for cell in cells
                for seed, value in cell.values.items()
            ]
        )

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report and give where: HTML, or by the suffix .md, .tex or .json; by default among the runs."""
        from archsearch.report.make import Where, make

        return _write(make([self.found.study], Where(self.runs_dir, None, self.storage)), path)

    def __repr__(self) -> str:
        return effects_table(self.found, "md") if self.effects else "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        return verdicts_html(self.sentences[0], self.effects, self.found.family, self.found.notes)


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a search came to; `found` is the whole record (see `archsearch.search.search.StudyReport`)."""

    found: StudyReport
    runs_dir: Path
    storage: str | None = None

    @property
    def best(self) -> dict[str, Any] | None:
        """Give the values of the best finalist by name; whether it is better than the base says `sentence`."""
        return None if self.found.best is None else dict(self.found.best.params)

    @property
    def value(self) -> float | None:
        """Give the winner's value in the search, which selected it: confirmed means are in `found.confirmed`."""
        return None if self.found.best is None else self.found.best.value

    @property
    def sentence(self) -> str:
        """Say what was found, and whether it was confirmed."""
        return self.found.headline

    def to_frame(self) -> pd.DataFrame:
        """Give the trials as a pandas frame: outcome, objectives, values, seconds."""
        from archsearch.search.record import search_record
        from archsearch.study.lifecycle import existing_study
        from archsearch.study.storage import default_url, open_storage

        opened = open_storage(self.storage or default_url(self.runs_dir), reading=True)
        record = search_record(existing_study(self.found.study, opened), opened)
        rows = []
        for trial in record.trials:
            values = dict(zip(self.found.metrics, trial.values or (), strict=False))
            rows.append(
                {"trial": trial.number, "outcome": trial.outcome, **values, **trial.params, "seconds": trial.seconds}
            )
        return frame_of(rows)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report and give where: HTML, or by the suffix .md, .tex or .json; by default among the runs."""
        from archsearch.report.make import Where, make

        return _write(make([self.found.study], Where(self.runs_dir, None, self.storage)), path)

    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        found = self.found
        rows = [(name, str(value)) for name, value in (self.best or {}).items()]
        confirmed = found.confirmed
        head = f"<p><strong>{html_text(self.sentence)}</strong></p>"
        counts = f"<p>{found.completed} of {found.trials} trials completed, {found.pruned} stopped early</p>"
        table = table_html(("value", "best"), rows) if rows else ""
        shown = (
            "" if confirmed is None else verdicts_html("Confirmed on fresh seeds", confirmed.effects, confirmed.family)
        )
        return f"<div>{head}{counts}{table}{shown}</div>"


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The verdicts on given numbers; `values` are what was read."""

    found: Compared
    values: Measurements

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Give every comparison with the baseline."""
        return self.found.effects

    @property
    def verdicts(self) -> dict[str, str]:
        """Give the verdict of each comparison: better, worse, equivalent, inconclusive."""
        return {effect.variant: effect.verdict for effect in self.effects}

    @property
    def sentences(self) -> tuple[str, ...]:
        """Say each comparison."""
        return tuple(effect.sentence for effect in self.effects)

    @property
    def sentence(self) -> str:
        """Say all comparisons."""
        return " ".join(self.sentences)

    def to_frame(self) -> pd.DataFrame:
        """Give the comparisons as a pandas frame, a row each; raise `UsageError` without pandas."""
        return _effects_frame(self.effects)

    def report(self, path: str | Path) -> Path:
        """Write the report and give where: HTML, or by the suffix .md, .tex or .json."""
        from archsearch.report.make import Where, make_of_numbers

        return _write(make_of_numbers(self.values, self.found, (), Where()), path)

    def __repr__(self) -> str:
        return effects_table(self.found, "md")

    def _repr_html_(self) -> str:
        title = f"Compared with {self.found.baseline}"
        return verdicts_html(title, self.effects, self.found.family, self.values.notes)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What an ablation will take and what it can show; nothing was run."""

    found: Forecast
    ablation: Ablation

    @property
    def runs(self) -> int:
        """Give how many runs there are at the most."""
        return self.found.runs

    @property
    def cached(self) -> int:
        """Give how many of them are there already."""
        return self.found.cached

    @property
    def seconds(self) -> float | None:
        """Give how long the rest will take, in seconds; None where no run was timed."""
        return self.found.seconds

    @property
    def smallest_effect(self) -> float | None:
        """Give the smallest difference that is found with the planned power; None where no spread was measured."""
        return None if self.found.plan is None else self.found.plan.smallest_effect

    def to_frame(self) -> pd.DataFrame:
        """Give the cells as a pandas frame: runs, cached ones, seconds of one."""
        return frame_of([cell.model_dump() for cell in self.found.cells])

    @property
    def sentence(self) -> str:
        """Say what it takes and what it can show."""
        time = "time not known" if self.seconds is None else f"about {seconds_text(self.seconds)}"
        runs, workers = count_of(self.runs, "run"), count_of(self.found.workers, "worker")
        words = f"{runs}, {self.cached} of them cached, {time} with {workers}"
        if self.smallest_effect is None:
            return f"{words}; which effect can be found is not known: {self.found.seed_sd_from}"
        found = amount(self.smallest_effect, self.ablation.family)
        return f"{words}; the smallest effect that is found with power {self.ablation.family.power:g} is {found}"

    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        rows = [
            (cell.name, str(cell.runs), str(cell.cached), "" if cell.seconds is None else f"{cell.seconds:.3g} s")
            for cell in self.found.cells
        ]
        table = table_html(("cell", "runs", "cached", "one run"), rows)
        return f"<div><p><strong>{html_text(self.sentence)}</strong></p>{table}</div>"
