"""What `--metric` means of a study that has run: its runs are judged again, nothing is trained.

asked = Another.asked("mine", None, ["f1_macro"], None, None)
asked.report(None, None, Path("runs"))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsearch.ablate.record import AblationReport
    from archsearch.metrics import Direction
    from archsearch.search.search import StudyReport
    from archsearch.study.storage import Storage, Study


@dataclass(frozen=True, slots=True)
class Another:
    """A finished study and the metric that it is judged by again; `direction` where the line says which is better."""

    study: str
    metric: str
    direction: Direction | None

    @classmethod
    def asked(
        cls,
        study: str | None,
        command: str | None,
        metric: list[str] | None,
        maximize: str | None,
        minimize: str | None,
    ) -> Another | None:
        """Read the options; None where they mean no metric of a finished study."""
        from archsearch.errors import UsageError

        named = dict.fromkeys([*(metric or ()), *(one for one in (maximize, minimize) if one)])
        if study is None or command is not None or not named:
            return None
        if len(named) > 1 or (maximize and minimize):
            raise UsageError(f"{study} is judged by one metric at a time; give one of {', '.join(named)}")
        return cls(study, next(iter(named)), "maximize" if maximize else "minimize" if minimize else None)

    def refuse_beside(self, **others: object) -> None:
        """Raise `UsageError` for an option that is about runs to come."""
        from archsearch.errors import UsageError

        given = [name for name, value in others.items() if value]
        if given:
            raise UsageError(
                f"--metric judges the runs of {self.study} again, and --{given[0]} is about runs to come: leave one out"
            )

    def report(self, name: str | None, storage: str | None, runs_dir: Path, *, once: bool = False) -> AblationReport:
        """Judge an ablation again; raise `UsageError` where none of the name has run."""
        from archsearch.ablate.ablation import report_on
        from archsearch.ablate.judged_again import judge_again
        from archsearch.cli.programs import allow_own
        from archsearch.metrics import is_own, own_metric

        opened = finished_ablation(name or self.study, storage, runs_dir, "--metric")
        if is_own(self.metric):
            allow_own([own_metric(self.metric, Path())], once)
        return report_on(opened, runs_dir, judge_again(opened, self.metric, runs_dir, self.direction))

    def study_report(self, name: str | None, storage: str | None, runs_dir: Path, *, once: bool = False) -> StudyReport:
        """Judge the finalists of a search again; raise `UsageError` where none of the name has run."""
        from archsearch.cli.meant import name_of_study
        from archsearch.cli.programs import allow_own
        from archsearch.errors import UsageError
        from archsearch.search.another_metric import by_another
        from archsearch.search.search import report_on
        from archsearch.study.lifecycle import existing_study

        opened = _storage(self.study, storage, runs_dir, "--metric")
        study = existing_study(name_of_study(name or self.study), opened)
        another = by_another(study, self.metric, runs_dir, self.direction)
        allow_own(another.own, once)
        report = report_on(study, opened, another)
        if report.confirmed is None:
            raise UsageError(
                f"{report.study}: nothing was confirmed on fresh seeds, so there is nothing to judge again"
            )
        return report


def finished_ablation(reference: str, storage: str | None, runs_dir: Path, option: str) -> Study:
    """Open an ablation that has run, by its name or its file; raise `UsageError` where it has not."""
    from archsearch.cli.meant import name_of_study
    from archsearch.study.lifecycle import existing_ablation

    return existing_ablation(name_of_study(reference), _storage(reference, storage, runs_dir, option))


def _storage(reference: str, storage: str | None, runs_dir: Path, option: str) -> Storage:
    from archsearch.errors import UsageError
    from archsearch.study.storage import default_url, open_storage

    if storage is None and not (runs_dir / "archsearch.db").exists():
        raise UsageError(
            f"{reference} has not run in {runs_dir}: {option} is about runs that are there; what new runs are compared "
            "by stands in the file"
        )
    return open_storage(storage or default_url(runs_dir), reading=True)
