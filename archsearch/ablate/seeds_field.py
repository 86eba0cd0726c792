"""The seeds of an ablation file: how many, a list, or at most so many and a rule by which a comparison stops early.

    Seeds(values=(0, 1, 2))
    {"max": 30, "sequential": True}      # read by `SeedsField`: 30 seeds, a look at a few planned numbers of them

Knows the keys only; the looks are planned by `stats.group_sequential`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from archsearch.plain import LARGEST, Plain

MOST_SEEDS = 1000


_SEQUENTIAL = "Whether a comparison stops at its first decision, at one of a few looks that are planned."
_ANYTIME = "Whether a comparison stops at its first decision, by a rule that looks after every seed."


class Seeds(Plain):
    """The seeds of every cell; `sequential` and `anytime` say that a comparison stops at its first decision.

    `sequential` looks at planned numbers of seeds, `anytime` after each.
    """

    values: Annotated[tuple[int, ...], Field(strict=False)] = Field(description="The seeds.", examples=[[0, 1, 2]])
    sequential: bool = Field(default=False, description=_SEQUENTIAL, examples=[True])
    anytime: bool = Field(default=False, description=_ANYTIME, examples=[True])

    @property
    def stopping(self) -> str:
        """Name the key by which a comparison stops early; "" where the number of seeds is fixed."""
        return "sequential" if self.sequential else "anytime" if self.anytime else ""


def _seeds(value: object) -> object:
    """Read `10`, `[3, 5, 8]` or `{max: 30, sequential: true}`."""
    if isinstance(value, (Seeds, dict)) and not (isinstance(value, dict) and "max" in value):
        return value
    if isinstance(value, dict):
        unknown = [key for key in value if key not in ("max", "sequential", "anytime")]
        count, rule = value["max"], {key: value[key] for key in ("sequential", "anytime") if key in value}
        if unknown or not _whole(count, 1, MOST_SEEDS) or not all(isinstance(one, bool) for one in rule.values()):
            raise _no_seeds()
        if all(rule.get(key) for key in ("sequential", "anytime")):
            raise PydanticCustomError(
                "seeds", "sequential looks at planned numbers of seeds, anytime after each; give one of them"
            )
        return {"values": tuple(range(count)), **rule}
    if _whole(value, 1, MOST_SEEDS):
        return {"values": tuple(range(value))}  # type: ignore[call-overload]
    if not isinstance(value, (list, tuple)) or not value or not all(_whole(seed, 0, LARGEST) for seed in value):
        raise _no_seeds()
    if len(set(value)) < len(value):
        twice = next(seed for seed in value if value.count(seed) > 1)
        raise PydanticCustomError("seeds", "seed {seed} stands there twice", {"seed": twice})
    return {"values": tuple(value)}


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _no_seeds() -> PydanticCustomError:
    return PydanticCustomError(
        "seeds",
        "expected how many (10, at most {most}), a list of seeds, or {max: 30, sequential: true} (or anytime: true)",
        {"most": MOST_SEEDS},
    )


_COUNT = {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}
SeedsField = Annotated[
    Seeds,
    BeforeValidator(_seeds),
    WithJsonSchema(
        {
            "anyOf": [
                _COUNT,
                {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
                {
                    "type": "object",
                    "properties": {
                        "max": {**_COUNT, "description": "Most seeds of a cell.", "examples": [30]},
                        "sequential": {
                            "type": "boolean",
                            "default": False,
                            "description": _SEQUENTIAL,
                            "examples": [True],
                        },
                        "anytime": {
                            "type": "boolean",
                            "default": False,
                            "description": _ANYTIME,
                            "examples": [True],
                        },
                    },
                    "required": ["max"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
