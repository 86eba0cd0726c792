"""A layer of one's own: a class in a Python file, `own: {layer: my_layers.py:Gate, arguments: {hidden: 8}}`.

    Own(layer="my_layers.py:Gate", source=text).output_shape((16, 8, 8))     # asks for trust, then makes one on `meta`

The file is code: it is allowed by its content, as own metrics and data are. Its text is part of the layer, so that a
run says all that decides it, wherever it is made again; a file that changed is another layer. What the class is told
of its input it says itself: `shape` (without the batch), `in_channels` or `in_features`.
"""

from __future__ import annotations

import ast
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, JsonValue, StringConstraints

from archsearch.errors import Problem, SpecError
from archsearch.files import sha256
from archsearch.spec.fields import text_pattern, written_default
from archsearch.spec.layers.base import LayerBase, Shape
from archsearch.trust import Subject, python_text

if TYPE_CHECKING:
    from torch import nn

_MOST_CHARACTERS, _MOST_NAMED = 200_000, 8
_LAYER = r"^[^:\n]{1,200}\.py:[A-Za-z_][A-Za-z0-9_]{0,99}$"


class Own(LayerBase):
    """A class of one's own, derived from `torch.nn.Module`, in a Python file that was allowed to run."""

    kind: ClassVar[str] = "own"
    family: ClassVar[str] = "own"
    opaque: ClassVar[bool] = True
    colour: ClassVar[str] = "purple"

    layer: Annotated[str, text_pattern(_LAYER, "is no file with a class, such as my_layers.py:Gate")] = Field(
        description="The file, from the folder of this one, and the class in it.", examples=["my_layers.py:Gate"]
    )
    arguments: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What the class is given, by name.",
        examples=[{"hidden": 8}],
        json_schema_extra=written_default({}),
    )
    source: Annotated[str, StringConstraints(max_length=_MOST_CHARACTERS)] = Field(
        default="", description="The text of the file; by default it is read.", examples=["from torch import nn\n"]
    )

    @property
    def subject(self) -> Subject:
        """Give the file as what asks to be executed."""
        return python_text(self.layer.rpartition(":")[0], self.source.encode())

    @property
    def digest(self) -> str:
        """Give the SHA-256 of the file's text."""
        return sha256(self.source.encode())

    def output_shape(self, shape: Shape) -> Shape:
        """Make one on torch's meta device and ask it; raise `ShapeError`, or `UntrustedError` for an unknown file."""
        from archsearch.spec.layers.own_module import probed

        return probed(self, shape).shape

    def parameters(self, shape: Shape) -> int:
        from archsearch.spec.layers.own_module import probed

        return probed(self, shape).parameters

    def macs(self, shape: Shape) -> int:
        """Count by torch's own counter of operations."""
        from archsearch.spec.layers.own_module import probed

        return probed(self, shape).macs

    def refuses_one_sample(self, shape: Shape) -> bool:
        """Train one sample on torch's meta device: a batch norm may be anywhere in the class."""
        from archsearch.spec.layers.own_module import refuses_one_sample

        return refuses_one_sample(self, shape)

    def canonical(self, shape: Shape) -> dict[str, object]:
        """Give the class, what it is given, and the digest of the file: where that lies decides nothing."""
        name = self.layer.rpartition(":")[2]
        return {"class": name, "arguments": self.model_dump(mode="json")["arguments"], "sha256": self.digest}

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.layers.own_module import built_own

        return built_own(self, shape)


def source_of(layer: str, folder: Path, where: str) -> str:
    """Read the file of an own layer, executing nothing; raise `SpecError` where there is none, or no such class."""
    file, _, name = layer.rpartition(":")
    path = (folder / Path(file).expanduser()).absolute()
    try:
        source = path.read_bytes().decode("utf-8")
        tree = ast.parse(source, str(path))
    except OSError as error:
        raise SpecError(Problem(where, f"own: {layer}: {path} cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError:
        raise SpecError(Problem(where, f"own: {layer}: {path} is not UTF-8; save it as UTF-8")) from None
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise SpecError(
            Problem(where, f"own: {path}{line}: {getattr(error, 'msg', error)}; it is read as Python")
        ) from None
    there = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if name not in there:
        near = get_close_matches(name, there, _MOST_NAMED) or there
        named = ", ".join(near[:_MOST_NAMED]) + ", ..." * (len(near) > _MOST_NAMED)
        raise SpecError(Problem(where, f"own: {layer}: {path} has no class {name} (there: {named or 'none'})"))
    return source
