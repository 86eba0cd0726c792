"""Which part of the data a run tests or validates on: one fold, and the split of an ablation or a search that has all.

    SplitSpec(folds=5, repeats=2).parts()          # ten Folds: `data.fold` of the ten pairs of runs
    SplitSpec(folds=5, repeats=2).overlap          # 0.25: test samples for each training sample

In an ablation a split takes the place of the seeds: each of its folds makes one pair of runs. In a search the folds are
validation parts, and each trial is trained on all of them. Knows no data; imports no torch.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import NonNegative, Plain
from archsearch.spec.fields import Text

MOST_PAIRS = 1000
SHARE = 0.2  # of the samples, that a random test part takes

PartWord = Literal["fold", "random part"]
HeldOut = Literal["validation"]
Folds = Annotated[int, Field(ge=2, le=MOST_PAIRS)]
TestShare = Annotated[float, Field(gt=0, lt=1)]


class Fold(Plain):
    """One division into training and test part: fold `number` of `of`, or the random test part `number`.

    `repeat` counts divisions into folds: the samples are shuffled anew for each. The same fold of the same data is the
    same samples in every run, whatever its seed.
    """

    of: Folds | None = Field(
        default=None, description="Into how many folds the samples are divided; without it a random part.", examples=[5]
    )
    number: NonNegative = Field(description="Which of the folds, or random parts, is the test part.", examples=[0])
    repeat: NonNegative = Field(default=0, description="Which division into folds, from 0.", examples=[3])
    test: TestShare | None = Field(
        default=None, description="Share of the samples in a random test part; by default 0.2.", examples=[0.3]
    )
    group: Text | None = Field(
        default=None,
        description="What samples share that must not be divided: all of one group are in one part.",
        examples=["subject"],
    )
    part: HeldOut | None = Field(
        default=None,
        description="`validation`: the training samples are divided, and the fold is their validation part, as in a "
        "search with `split`; by default it is the test part.",
        examples=["validation"],
    )

    @model_serializer(mode="wrap")
    def _only_what_is_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.of is not None and self.number >= self.of:
            raise PydanticCustomError(
                "fold", "fold {number} of {of}: folds are numbered from 0", {"number": self.number, "of": self.of}
            )
        if self.of is not None and self.test is not None:
            raise PydanticCustomError("fold", "test belongs to random parts; a fold is 1 of `of`, take test out")
        if self.of is None and self.repeat:
            raise PydanticCustomError("fold", "repeat belongs to folds; number the random parts by `number`")
        return self

    @property
    def share(self) -> float:
        """Give the share of the samples that are in the test part."""
        return 1 / self.of if self.of is not None else (self.test or SHARE)

    @property
    def said(self) -> str:
        """Say which part it is: fold 2 of 5, repeat 3 (counted from 1)."""
        if self.of is None:
            return f"random part {self.number + 1}"
        return f"fold {self.number + 1} of {self.of}" + (f", repeat {self.repeat + 1}" if self.repeat else "")


class SplitSpec(Plain):
    """How the samples are divided, again and again: `folds` with `repeats`, or so many `shuffled` random parts."""

    folds: Folds | None = Field(
        default=None, description="Folds of a cross-validation: each is the test part once.", examples=[5]
    )
    repeats: Annotated[int, Field(ge=1, le=MOST_PAIRS)] = Field(
        default=1, description="How often the samples are divided into folds anew.", examples=[10]
    )
    shuffled: Annotated[int, Field(ge=2, le=MOST_PAIRS)] | None = Field(
        default=None, description="Random test parts, drawn independently, instead of folds.", examples=[20]
    )
    test: TestShare | None = Field(
        default=None, description="Share of the samples in a random test part; by default 0.2.", examples=[0.3]
    )
    group: Text | None = Field(
        default=None,
        description="What samples share that must not be divided: all of one group are in one part.",
        examples=["subject"],
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.folds is None) == (self.shuffled is None):
            raise PydanticCustomError(
                "split",
                "a split has folds (`folds: 5`, with `repeats: 10`) or random parts (`shuffled: 20`), one of them",
            )
        if self.folds is not None and self.test is not None:
            raise PydanticCustomError("split", "test belongs to shuffled; of folds the test part is 1 / folds")
        if self.shuffled is not None and self.repeats != 1:
            raise PydanticCustomError("split", "repeats belongs to folds; say how many random parts by shuffled")
        if self.pairs > MOST_PAIRS:
            raise PydanticCustomError(
                "split", "{pairs} pairs are more than {most}", {"pairs": self.pairs, "most": MOST_PAIRS}
            )
        return self

    @property
    def pairs(self) -> int:
        """Give the number of divisions, each a pair of runs in every comparison."""
        return self.shuffled if self.shuffled is not None else (self.folds or 0) * self.repeats

    @property
    def share(self) -> float:
        """Give the share of the samples that are in a test part."""
        return 1 / self.folds if self.folds is not None else (self.test or SHARE)

    @property
    def overlap(self) -> float:
        """Give n_test / n_train, by which variances of overlapping divisions are corrected (Nadeau & Bengio 2003)."""
        return self.share / (1 - self.share)

    @property
    def word(self) -> PartWord:
        """Name one of its parts."""
        return "fold" if self.folds is not None else "random part"

    @property
    def said(self) -> str:
        """Say how the samples are divided: 5 folds, 10 times."""
        return self.said_of("test")

    def said_of(self, part: str) -> str:
        """Say the same of folds that are another part: 5 folds; 20 random validation parts of 20%."""
        if self.folds is None:
            said = f"{self.shuffled} random {part} parts of {self.share:.0%}"
        else:
            said = f"{self.folds} folds" + (f", {self.repeats} times" if self.repeats > 1 else "")
        return said + (f", no {self.group} divided" if self.group else "")

    def parts(self, part: HeldOut | None = None) -> tuple[Fold, ...]:
        """Give `data.fold` of each run, one division after the other; `part` is what a fold is, by default the test."""
        if self.folds is None:
            return tuple(Fold(number=one, test=self.test, group=self.group, part=part) for one in range(self.pairs))
        return tuple(
            Fold(of=self.folds, number=number, repeat=repeat, group=self.group, part=part)
            for repeat in range(self.repeats)
            for number in range(self.folds)
        )
