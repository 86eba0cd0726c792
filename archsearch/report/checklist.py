"""Paragraphs for the reproducibility checklist of a conference, each number from the study.

    items = ablation_checklist(report, evidence)        # or search_checklist(report, evidence)
    checklist_text(items), checklist_markdown(items)

The questions are those of the NeurIPS paper checklist, by its numbers (2024 and 2025). Nothing is said that nobody
measured: what only the authors know is asked for in square brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archsearch.ablate.record import AblationEvidence, AblationReport
from archsearch.markup import markdown_text
from archsearch.report.answers.paper import how_sequential, says
from archsearch.report.answers.verdicts import design_text
from archsearch.report.document import ChecklistItem, Section, TextToCopy
from archsearch.report.figures.effects import in_order
from archsearch.report.provenance import engine_text
from archsearch.search.confirm import Confirmation, comparison_method, interval_method, metric_words
from archsearch.search.evidence import SearchEvidence
from archsearch.search.search import StudyReport
from archsearch.study.held_runs import Machine
from archsearch.study.ledger_check import Ledger
from archsearch.study.spent import Spent, Took
from archsearch.train.result import label_noise_words
from archsearch.wording import count_of, listed, seconds_text

_MOST_SEEDS = 30
# what an interval and a number after ± are: the question of the checklist that is answered wrongly most often
_ERROR_BARS = (
    "Error bars and intervals are 95 % confidence intervals (CI), neither standard deviations nor standard errors; a "
    "number after ± is the standard deviation (SD, n - 1) of single runs."
)


def checklist_text(items: Iterable[ChecklistItem]) -> str:
    """Write the paragraphs as plain text."""
    return "\n\n".join(f"{one.number}. {one.question}. {' '.join(one.answer)}" for one in items) + "\n"


def checklist_markdown(items: Iterable[ChecklistItem]) -> str:
    """Write the paragraphs as Markdown."""
    lines = (f"**{one.number}. {one.question}.** {markdown_text(' '.join(one.answer))}" for one in items)
    return "\n\n".join(lines) + "\n"


def checklist_section(items: Sequence[ChecklistItem]) -> Section:
    """Give the section of a page that holds the paragraphs, to be copied."""
    intro = (
        "What the study itself says to the questions of a conference's reproducibility checklist (numbered as in that "
        "of NeurIPS); what only you know stands in square brackets.",
    )
    return Section(
        "checklist", "Checklist", intro, (TextToCopy("checklist-text", "For a paper", checklist_text(items)),)
    )


# -- an ablation -------------------------------------------------------------------------------------------------------


def ablation_checklist(report: AblationReport, evidence: AblationEvidence) -> tuple[ChecklistItem, ...]:
    """Answer for an ablation."""
    runs, family = report.runs, report.family
    base = evidence.cells[0].spec
    changes = [cell.name for cell in report.cells if cell.moved]
    pairs = f"{family.pairs}s"
    by = "" if report.split is None else f"the samples that are tested ({report.split.said}) and by "
    varied = f"Runs vary by {by}the seed: {_of_a_seed([cell.spec for cell in evidence.cells])}."
    n = sorted({effect.n for effect in report.effects})
    both = f"{n[0]}" if len(n) == 1 else f"{n[0]} to {n[-1]}" if n else "0"
    left = f" {_left_out(report)}" if report.exclusions else ""
    statistics = [
        f"n = {both} pairs of {pairs} per comparison of {len(report.seeds)} planned ({_seeds(report.seeds)}); the "
        f"partners of a pair have the same {family.pairs}.{left}",
        varied,
        _ERROR_BARS,
        says(family, in_order(report), sequential=how_sequential(report)),
        *((f"{report.chosen[:1].upper()}{report.chosen[1:]}.",) if report.chosen else ()),
        *(() if report.complete else ("The study is not finished: there are no verdicts yet.",)),
    ]
    setting = [
        design_text(report),
        f"Changes: {listed(changes, 20)}." if changes else "",
        *_setting(base),
        _reads(report.test_reads, runs.completed, report.kind),
    ]
    return _items(
        [
            f"{runs.completed:,} of {runs.planned:,} planned runs completed.",
            *_declared([evidence.ledger] if evidence.ledger else []),
            *_again(report.study, report.kind),
        ],
        _data(base, evidence.fingerprints),
        setting,
        statistics,
        _compute(evidence.machines, evidence.spent),
    )


def _left_out(report: AblationReport) -> str:
    return f"{count_of(len(report.exclusions), 'run')} are in no pair, each with its reason in the report."


# -- a search ----------------------------------------------------------------------------------------------------------


def search_checklist(report: StudyReport, evidence: SearchEvidence) -> tuple[ChecklistItem, ...]:
    """Answer for a search with its confirmation."""
    objective = " and ".join(f"{direction} {metric}" for direction, metric in evidence.objective)
    confirmed = report.confirmed
    setting = [
        f"Search by {objective}: {report.completed:,} of {report.trials:,} trials completed, sampler {report.sampler} "
        f"with seed {evidence.seed}; every trial has the seed {evidence.run_seed}.",
        *_setting(evidence.base),
        _reads(evidence.test_reads, evidence.test_reads, report.kind, "to confirm the finalists and never to search"),
    ]
    if confirmed is None:
        statistics = [
            "Nothing was confirmed on fresh seeds: values are those that the search selected by, which are too good on "
            "average, and no interval or test is given of them."
        ]
    else:
        specs = [evidence.base, *(runs[0].spec for runs in evidence.confirmed.values())]
        finalists = [row.candidate for row in confirmed.candidates if row.candidate != "baseline"]
        statistics = [
            f"Confirmed are {count_of(len(finalists), 'finalist')} and the baseline by "
            f"{metric_words(confirmed.family)} on {len(confirmed.seeds)} seeds that the search never saw "
            f"({_seeds(confirmed.seeds)}); runs vary by the seed: {_of_a_seed(specs)}.",
            _ERROR_BARS,
            f"Intervals of means: {interval_method(confirmed)}. Differences are of runs with the same seed: "
            f"{comparison_method(confirmed)}; alpha {confirmed.family.alpha:g}.",
            *_raced(confirmed),
            *(() if confirmed.complete else ("The confirmation is not finished: there are no verdicts yet.",)),
        ]
    return _items(
        [*_declared(evidence.ledgers), *_again(report.study, report.kind)],
        _data(evidence.base, evidence.fingerprints),
        setting,
        statistics,
        _compute(evidence.machines, evidence.spent),
    )


def _raced(confirmed: Confirmation) -> list[str]:
    """Say who left a race when, and what its intervals are: with unequal numbers of seeds one has to."""
    race = confirmed.race
    if race is None:
        return []
    left = [f"{one.runner} after {one.seeds} seeds" for one in race.left]
    gone = f"Who was shown to be worse left: {listed(left)}. " if left else ""
    return [f"{gone}Intervals of differences are repeated confidence intervals, which hold at each look."]


# -- what both have ----------------------------------------------------------------------------------------------------


def _items(
    reproduced: Iterable[str], data: Iterable[str], setting: Iterable[str], bars: Iterable[str], compute: Iterable[str]
) -> tuple[ChecklistItem, ...]:
    answers = (
        (4, "Experimental result reproducibility", reproduced),
        (5, "Open access to data and code", data),
        (6, "Experimental setting and details", setting),
        (7, "Experiment statistical significance", bars),
        (8, "Experiments compute resources", compute),
    )
    return tuple(ChecklistItem(number, words, tuple(filter(None, answer))) for number, words, answer in answers)


def _declared(ledgers: Sequence[Ledger]) -> list[str]:
    """Say what was declared beforehand and what deviates from it."""
    if not ledgers:
        return [
            "Nothing proves what was declared before the first run: an earlier version of archsearch made the study."
        ]
    found = []
    for one in ledgers:
        if not one.declared:
            found.append(f"{one.study}: {one.sentence}.")
            continue
        what = (
            f"{one.study} was declared {one.declared[:16]} UTC, before the first of {count_of(one.results, 'result')}"
        )
        found.append(f"{what}: {', '.join(one.declares)} (ledger {one.head[:12]}, {one.entries:,} entries).")
        if one.earlier:
            found.append(f"{count_of(one.earlier, 'result')} of these were there before it was declared.")
        found += [f"{amendment.sentence[:1].upper()}{amendment.sentence[1:]}." for amendment in one.amendments]
        found += [f"Deviates: {said}." for said in one.deviations]
        if not one.deviations and not one.amendments:
            found.append("Nothing deviates from it.")
    return found


def _again(study: str, kind: str) -> list[str]:
    if kind == "program":
        return ["A run is its program's files (by SHA-256), its values and its seed, kept with what came out."]
    return [
        "A run is its resolved spec, its seed and the state of its data; its id is the SHA-256 of these.",
        f"archsearch bundle {study} -o {study}.zip packs all of them, archsearch reproduce {study}.zip trains them "
        "again and says what comes out to the last bit.",
    ]


def _data(base: Mapping[str, Any], fingerprints: Mapping[str, int]) -> list[str]:
    said = []
    if "data" in base:
        marks = ", ".join(f"{mark[:12]} ({count_of(runs, 'run')})" for mark, runs in sorted(fingerprints.items()))
        said.append(f"Data: {base['data']['name']}, fingerprint {marks or 'not known yet'}.")
    return [*said, "[Where data and code can be had, and under which licence.]"]


def _setting(base: Mapping[str, Any]) -> list[str]:
    """Say what the baseline's spec says of data and training; what was changed stands beside it."""
    if "data" not in base:
        return ["[The program's data, splits and settings.]"]
    data, train = base["data"], base["train"]
    validation = data.get("validation")
    held = f"validation {validation}" if validation else "nothing held out for validation"
    if isinstance(validation, float) and validation < 1:
        held = f"{100 * validation:g} % of the training samples held out for validation"
    limits = [f"{key} {data[key]}" for key in ("limit", "train_limit") if data.get(key)]
    augment = "with augmentation" if data.get("augment") else "no augmentation"
    name, fields = next(iter(train["optimizer"].items())) if isinstance(train["optimizer"], Mapping) else (
        train["optimizer"], {})  # fmt: skip
    said = ", ".join(f"{key} {value}" for key, value in fields.items())
    noise = [label_noise_words(train["label_noise"])] if train.get("label_noise") else []
    loss = next(iter(train["loss"])) if isinstance(train["loss"], Mapping) else train["loss"]
    return [
        f"Baseline: {', '.join([held, augment, *limits, *noise])}; {count_of(train['epochs'], 'epoch')}, batches of "
        f"{train['batch_size']}, {name}{f' ({said})' if said else ''}, loss {loss}, "
        f"precision {train.get('precision', 'fp32')}; all of it stands in the resolved specs."
    ]


def _reads(count: int, runs: int, kind: str, why: str = "once per run, at its end") -> str:
    if kind == "program":
        return "[Whether anything was selected by the test data.]"
    if not count:
        return "The test set was never evaluated."
    return f"The test set was evaluated {count_of(count, 'time')}, {why if count <= runs else f'in {runs:,} runs'}."


def _of_a_seed(specs: Iterable[Mapping[str, Any]]) -> str:
    """Say what differs between two runs of one experiment, as far as there is any of it."""
    specs = list(specs)
    if any("data" not in spec for spec in specs):
        return "whatever the program makes of it"
    found = ["initial weights", "order of batches"]
    found += ["augmentation"] if any(spec["data"].get("augment") for spec in specs) else []
    found += ["which labels are made wrong"] if any(spec["train"].get("label_noise") for spec in specs) else []
    mixes = any(spec["train"].get(key) for spec in specs for key in ("mixup", "cutmix"))
    found += ["which samples are mixed"] if mixes else []
    found += ["dropout"] if any("dropout" in str(spec["network"]) for spec in specs) else []
    found += ["what is held out for validation"] if any(spec["data"].get("validation") for spec in specs) else []
    return ", ".join(found)


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return listed([str(seed) for seed in seeds], _MOST_SEEDS)


def _compute(machines: Sequence[Machine], spent: Spent | None) -> list[str]:
    said = [_machine(one) for one in machines]
    if spent is None:
        return said
    trained, taken = spent.trained, spent.taken
    middle = "" if trained.middle is None else f" (median {_time(trained.middle)})"
    said.append(
        f"{count_of(trained.runs, 'run')} made for this study took {_took(trained)}{middle}: training time summed over "
        "runs, no wall clock."
    )
    if taken.runs:
        what = "was there already and not run again" if taken.runs == 1 else "were there already and not run again"
        said.append(f"{count_of(taken.runs, 'run')} {what} ({_took(taken)} when made).")
    for name, one in spent.lost.items():
        what = {"pruned": "stopped early by the search"}.get(name, name)
        said.append(f"{count_of(one.runs, 'run')} {what} ({_took(one)}).")
    if not spent.lost:
        said.append("No run was stopped early, diverged or failed.")
    if spent.deaths or spent.late:
        broken = f"{count_of(spent.deaths, 'try').replace('trys', 'tries')} broken off with the worker, of unknown time"
        late = f"{count_of(spent.late, 'result')} came late and count for nothing"
        said.append(f"Beside these: {'; '.join([broken] * bool(spent.deaths) + [late] * bool(spent.late))}.")
    said.append("Memory is not measured. [Compute of preliminary experiments outside of this study.]")
    return said


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else seconds_text(seconds)


def _took(took: Took) -> str:
    """Say how long some runs took together, as far as it is known."""
    if took.unknown == took.runs:
        return "of unknown time" if took.runs else _time(0.0)
    return _time(took.seconds) + (f" and {took.unknown} of unknown time" if took.unknown else "")


def _machine(machine: Machine) -> str:
    """Name what computed so many runs: device, threads, engine, versions."""
    found = machine.environment
    engine = engine_text(found)
    device = found.get("device_name") or found.get("processor") or "?"
    parts = [str(device), *((f"device {found['device']}",) if "device" in found else ())]
    parts += [count_of(int(found["threads"]), "thread")] if "threads" in found else []
    parts += [f"engine {engine.partition(' (')[0]}"] if engine else []
    names = (("archsearch", "archsearch"), ("torch", "torch"), ("python", "Python"), ("platform", ""))
    versions = [f"{words} {found[key]}".strip() for key, words in names if found.get(key)]
    versions += [f"{name} {version}" for name, version in (found.get("versions") or {}).items()]
    return f"{count_of(machine.runs, 'run')} on {', '.join(parts)}; {', '.join(versions)}."
