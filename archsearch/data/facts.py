"""What a network will see of a data set, said before any file is downloaded and before torch is imported.

    describe(DataSpec(name="mnist", size=(32, 32))).shape     # (1, 32, 32)

Checks that the options of a `DataSpec` fit its data. Must not import torch, torchvision or scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from archsearch.data import npz
from archsearch.data.own import OWN_SOURCES, arrays_file
from archsearch.data.registry import DATASETS, Contents, Embedded
from archsearch.errors import LimitError, Problem, SpecError
from archsearch.spec.dataset import LABEL_KEYS, DataSpec
from archsearch.spec.folds import Fold
from archsearch.spec.nearest import nearest
from archsearch.spec.text.sentences import unknown
from archsearch.task import TASKS, Task

LARGEST_PREPARED = 32 * 2**30  # bytes: more is a mistyped size, or data that does not belong in one memory-mapped file


@dataclass(frozen=True, slots=True)
class DataFacts:
    """`shape` of one sample as the network sees it; `train` counts before the validation part is taken out of it.

    `train` and `test` are after `limit`; for qmnist with a limit they are an upper bound (its counts per class are not
    published); `Dataset.facts` has the exact ones. `validation` counts the validation part that the source itself sets
    apart, the last samples of `train`; 0 where it sets none apart. `group_names` are the groups that samples belong to,
    by their number in `Dataset.groups_train`; none where the source says nothing of them. `weighted`: each has a
    weight.
    """

    name: str
    shape: tuple[int, ...]
    task: Task
    train: int
    test: int
    class_names: tuple[str, ...]
    validation: int = 0
    group_names: tuple[str, ...] = ()
    weighted: bool = False

    @property
    def classes(self) -> int:
        """Give the number of classes; for other tasks of what else a network gives for a sample."""
        return self.task.outputs


def describe(spec: DataSpec) -> DataFacts:
    """Say what `spec` names, without torch and without a download.

    Own data (npz, folder) is read as far as headers, labels and names go. Raises SpecError with all options that do not
    fit, LimitError for more than 32 GiB of prepared data, DamagedFileError for own data that cannot be read.
    """
    return survey(spec)[1]


def survey(spec: DataSpec) -> tuple[Contents, DataFacts]:
    """Like `describe`, with what the source holds before the options."""
    found = contents(spec)
    shape = found.shape
    if len(shape) == 3:
        shape = (1 if spec.grayscale else shape[0], *(spec.size or shape[1:]))
    train, held_out, test = found.limited(spec.limit)
    if spec.fold is not None and spec.fold.part == "validation" and not held_out:
        train, held_out = fold_counts(spec.fold, train)
    elif spec.fold is not None:
        train, test = fold_counts(spec.fold, train + (test if found.pooled else 0))
    train += held_out
    facts = DataFacts(
        spec.name,
        shape,
        found.what(),
        train,
        test,
        found.class_names,
        held_out,
        found.group_names,
        found.weighted,
    )
    problems = [*_misfits(spec, found.shape, facts), *_fold_misfits(spec, found), *_wrong_counts(spec, facts)]
    if problems:
        where = ("data", problems[0][0]) if len(problems) == 1 else ("data",)
        told = [Problem("", f"{fault}. {way_out}".rstrip(), fault) for _, fault, way_out in problems]
        raise SpecError(told, where)
    amount = (train + test) * math.prod(shape) * (4 if found.dtype == "float32" else 1)
    if amount > LARGEST_PREPARED:
        raise LimitError(
            f"{train + test} samples of {shape} take {amount / 2**30:.0f} GiB, more than {LARGEST_PREPARED // 2**30}. "
            "Use a smaller size or a limit.",
            ("data",),
        )
    return found, facts


def contents(spec: DataSpec) -> Contents:
    """Say what the data set of `spec` holds before any option but its task."""
    if spec.task is not None and spec.task not in TASKS:
        raise SpecError(unknown("task", spec.task, TASKS), ("data", "task"))
    if spec.name in OWN_SOURCES and (OWN_SOURCES[spec.name].by_task or spec.labels is not None):
        return OWN_SOURCES[spec.name].contents(spec)
    found = _by_itself(spec)
    return found if spec.task in (None, found.task) else _as_task(spec.name, found, str(spec.task))


def refuse_bad_values(spec: DataSpec) -> None:
    """Raise `SpecError` for own arrays with values that are not finite, as far as they are small enough to look at."""
    source = OWN_SOURCES.get(spec.name)
    if source is not None and source.values is not None:
        source.values(spec)


def own_task(spec: DataSpec) -> str | None:
    """Name the task that the data are for if their spec names none; None where somebody must say it."""
    try:
        file = arrays_file(spec)
        return npz.task_of_file(file) if file is not None else _by_itself(spec.model_copy(update={"task": None})).task
    except SpecError:
        return None


def _as_task(name: str, found: Contents, task: str) -> Contents:
    """Take labels of two classes as yes and no, or the other way round; raise SpecError for any other change."""
    if {task, found.task} == {"classification", "binary"} and len(found.class_names) == 2:
        return replace(found, task=task, outputs=1 if task == "binary" else 2)
    raise SpecError(
        f"{name} is for {found.task} ({found.what().said}), not {task}. Remove data.task, or take other data.",
        ("data", "task"),
    )


def _by_itself(spec: DataSpec) -> Contents:
    if spec.name in DATASETS:
        entry = DATASETS[spec.name]
        return replace(entry.contents, drawn=True) if isinstance(entry, Embedded) else entry.contents
    if spec.name in OWN_SOURCES:
        return OWN_SOURCES[spec.name].contents(spec)
    known = [*DATASETS, *OWN_SOURCES]
    close = nearest(spec.name, known)
    hint = f" Did you mean {close}?" if close else ""
    raise SpecError(f"unknown data set {spec.name}.{hint} There are {', '.join(known)}.", ("data", "name"))


def fold_counts(fold: Fold, samples: int) -> tuple[int, int]:
    """Count training and test samples of a fold of so many; where groups decide, about so many."""
    if fold.of is not None:
        test = samples // fold.of + (fold.number < samples % fold.of)
    else:
        test = round(fold.share * samples)
    return samples - test, test


def validation_count(validation: int | float, train: int) -> int:
    """Number of samples that `validation`, a count or a fraction (rounded), takes out of `train`; may not fit."""
    return validation if isinstance(validation, int) else round(validation * train)


def training_count(spec: DataSpec, train: int) -> int:
    """Number of samples that a run trains on: without the validation part, and no more than `train_limit`.

    `train` counts those before the validation part is taken out. A fraction is of what is left, rounded; may not fit.
    """
    return kept_count(spec.train_limit, train - validation_count(spec.validation, train))


def kept_count(train_limit: int | float | None, left: int) -> int:
    """Number of samples that `train_limit`, a count or a fraction (rounded), keeps of `left`; may not fit."""
    if train_limit is None:
        return left
    return train_limit if isinstance(train_limit, int) else round(train_limit * left)


_REMOVE = "Remove it."


def _fold_misfits(spec: DataSpec, found: Contents) -> Iterator[tuple[str, str, str]]:
    """Give (option, what is wrong, way out) for a fold that the samples do not allow, as far as counts say it."""
    fold = spec.fold
    if fold is None:
        return
    train, own, test = found.limited(spec.limit)
    pooled = found.pooled and fold.part is None
    if fold.part is not None and own:
        fault = f"{spec.name} holds a validation part of its own ({own:,} samples), and a fold would be a second one"
        yield "fold", fault, "Take the folds out, or give the data without that part."
        return
    samples = train + (test if pooled else 0)
    most = samples if spec.limit is None else spec.limit
    per_class = [min(most, count) for count in found.train_per_class]
    if pooled and per_class:
        per_class = [kept + min(most, more) for kept, more in zip(per_class, found.test_per_class, strict=True)]
    least = min(per_class, default=samples)
    if fold.group is not None and not found.group_names:
        way_out = "Give it one (group_train of an .npz, `group` of a table), or take group out of the split."
        yield "fold", f"{spec.name} says of no sample which {fold.group} it belongs to", way_out
    elif fold.group is not None and spec.group not in (None, fold.group):
        yield "fold", f"its groups are those of the column {spec.group}, not {fold.group}", "Name one column in both."
    elif found.group_names:
        count = len(found.group_names)
        if fold.of is not None and fold.of > count:
            what = fold.group or "group"
            yield "fold", f"{fold.of} folds are more than the {count} of its {what}", f"Use {count} folds at most."
    elif fold.of is not None and fold.of > least:
        of = f"samples of the rarest class of {spec.name}" if per_class else f"samples of {spec.name}"
        yield "fold", f"{fold.of} folds are more than the {least} {of}", f"Use {least} folds at most, or `shuffled`."
    elif not 0 < fold_counts(fold, samples)[1] < samples:
        yield "fold", f"{fold.said} leaves a part of the {samples} samples of {spec.name} empty", "Use another share."


def _misfits(spec: DataSpec, raw_shape: tuple[int, ...], facts: DataFacts) -> Iterator[tuple[str, str, str]]:
    """Give (option, what is wrong, way out) for each option that does not go with the data."""
    yield from _keys_of_others(spec)
    if spec.normalize_targets and facts.task.name != "regression":
        fault = f"normalize_targets is for numbers to predict, and {spec.name} is for {facts.task.name}"
        yield "normalize_targets", fault, _REMOVE
    if len(raw_shape) != 3:
        kind = {1: "flat features", 2: "signals"}.get(len(raw_shape), "arrays")
        for option in ("size", "grayscale", "augment"):
            if getattr(spec, option):
                yield option, f"{option} is for images, and {spec.name} has {kind} {raw_shape}", _REMOVE
    else:
        if spec.grayscale and raw_shape[0] == 1:
            yield "grayscale", f"grayscale does nothing: the images of {spec.name} are grey already", _REMOVE
        elif spec.grayscale and raw_shape[0] != 3:
            yield "grayscale", f"grayscale needs red, green and blue; {spec.name} has {raw_shape[0]} channels", ""
        smallest = min(facts.shape[1:])
        for step in spec.augment:
            if step.reach >= smallest:
                fault = f"{step.kind} by {step.reach} can push a whole image of {smallest} pixels out of sight"
                yield "augment", fault, f"Use less than {smallest}."


def _keys_of_others(spec: DataSpec) -> Iterator[tuple[str, str, str]]:
    """Give the same for each option that is for another kind of data."""
    own = OWN_SOURCES[spec.name].keys if spec.name in OWN_SOURCES else ()
    known = {*own, *(LABEL_KEYS if spec.labels is not None else ())}
    for source in OWN_SOURCES.values():
        for key in source.keys:
            if key not in known and getattr(spec, key) is not None:
                known.add(key)
                yield key, f"{key} {source.only.format(spec.name)}", _REMOVE


def _wrong_counts(spec: DataSpec, facts: DataFacts) -> Iterator[tuple[str, str, str]]:
    """Give (option, what is wrong, way out) for each number of samples that cannot be taken."""
    count = validation_count(spec.validation, facts.train)
    if facts.validation and spec.validation not in (0, facts.validation):
        yield (
            "validation",
            f"validation {spec.validation} is one part too many: the data hold a validation part of {facts.validation} "
            "samples already",
            _REMOVE,
        )
        return
    if spec.validation and not 0 < count < facts.train:
        yield (
            "validation",
            f"validation {spec.validation} takes {count} of the {facts.train} training samples; "
            f"between 1 and {facts.train - 1} can be taken",
            "",
        )
        return
    left = facts.train - (facts.validation or count)
    kept = kept_count(spec.train_limit, left)
    least = facts.task.groups
    if not min(least, left) <= kept <= left:
        each = " (one for each class)" if least > 1 else ""
        yield (
            "train_limit",
            f"train_limit {spec.train_limit} keeps {kept:,} of the {left:,} training samples (without validation); "
            f"between {least}{each} and {left:,} can be kept",
            "",
        )
