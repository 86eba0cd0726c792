"""`archsearch import`: an existing PyTorch module as a spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsearch.cli import options

if TYPE_CHECKING:
    from archsearch.export.import_network import Imported
    from archsearch.export.import_source import ModuleSource


def import_(
    module: Annotated[
        str | None,
        typer.Argument(metavar="FILE.py:NAME", help="A module of a Python file: a class, an instance or a function."),
    ] = None,
    torchvision: Annotated[
        str | None, typer.Option("--torchvision", metavar="NAME", help="A model of torchvision instead, as resnet18.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="SPEC", help="The file to write; by default it is printed.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="What it is trained on: a data set, FILE.npz or FOLDER; by default one that fits."),
    ] = None,
    input_: Annotated[
        str | None, typer.Option("--input", metavar="CxHxW", help="What it reads, as 3x64x64: images are resized.")
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Option("--arg", metavar="NAME=VALUE", help="An argument that it is made with; may be repeated."),
    ] = None,
    evaluated: Annotated[
        bool, typer.Option("--evaluated", help="Take what it computes in evaluation, and say what that leaves out.")
    ] = False,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE", help="A state_dict for it; comes along with the spec.")
    ] = None,
    with_weights: Annotated[
        bool, typer.Option("--with-weights", help="Write its weights beside the spec, as SPEC.safetensors.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Execute the file this once.")] = False,
    json: options.Json = False,
    max_parameters: options.MaxParameters = None,
    max_activations: options.MaxActivations = None,
    max_layers: options.MaxLayers = None,
) -> None:
    """Turn an existing PyTorch module into a spec, or say what of it the language cannot say, with its line.

    Examples:  archsearch import net.py:Net --data mnist -o net.yaml

    archsearch import --torchvision resnet18 --data cifar10 -o resnet18.yaml
    """
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.export.import_reference import file_and_name

    if (module is None) == (torchvision is None):
        raise UsageError("say what to import: archsearch import FILE.py:NAME, or archsearch import --torchvision NAME")
    with_weights = with_weights or weights is not None
    if with_weights and output is None:
        raise UsageError("weights are written beside the spec: say where it goes with -o SPEC")
    given, shape = _arguments(arguments or []), _shape(input_)
    if module is not None:
        file_and_name(module, trusted=trust)  # what may not be executed is told before torch is loaded
    limits = options.limits(max_parameters, max_activations, max_layers)

    from archsearch.export.import_files import read_weights, write_import, written_files
    from archsearch.export.import_network import import_network
    from archsearch.export.import_source import module_from_file, module_from_torchvision, named_for_classes
    from archsearch.spec.text.write import spec_yaml

    files = written_files(output, with_weights, force) if output else ()
    source: ModuleSource
    if torchvision is not None:
        data = data or "cifar10"
        source = module_from_torchvision(torchvision, named_for_classes(data, given))
    else:
        assert module is not None
        source = module_from_file(module, given, trusted=trust)
    if weights is not None:
        read_weights(source.module, weights)
    found = import_network(
        source,
        data=data,
        input_shape=shape,
        evaluated=evaluated,
        name=output.stem if output else None,
        limits=limits,
    )
    for said in (*found.notes, *found.plan.spec.departures):
        console.note(said)
    if output is not None:
        write_import(found, files)
        if not json:
            console.print_imported(found.plan, source.said, found.difference, files)
    elif not json:
        print(spec_yaml(found.plan.spec, "archsearch run"), end="")
    if json:
        console.print_json(_json(found, source, files))


def _arguments(words: list[str]) -> dict[str, object]:
    """Read NAME=VALUE, the value as YAML has it."""
    from archsearch.errors import SpecError, UsageError
    from archsearch.spec.text.yaml import read_text

    given: dict[str, object] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--arg {word}: expected NAME=VALUE, as --arg width=32")
        try:
            given[name] = read_text(value, "").plain()
        except SpecError as error:
            raise UsageError(f"--arg {word}: {error.problems[0].reason}") from None
    return given


def _shape(text: str | None) -> tuple[int, ...] | None:
    """Read CxHxW, CxL or a number of values."""
    from archsearch.errors import UsageError

    if text is None:
        return None
    sizes = text.lower().replace("×", "x").split("x")
    if len(sizes) > 3 or not all(size.isascii() and size.isdigit() and 0 < int(size) < 2**31 for size in sizes):
        raise UsageError(f"--input {text}: expected the shape of a sample: 1x28x28, 2x100 (a signal) or 784 (in a row)")
    return tuple(map(int, sizes))


def _json(found: Imported, source: ModuleSource, files: tuple[Path, ...]) -> dict[str, Any]:
    return {
        "imported": source.said,
        "files": [str(path) for path in files],
        "parameters": found.plan.network.parameters,
        "macs": found.plan.network.macs,
        "largest_difference": found.difference,
        "notes": list(found.notes),
        "departures": list(found.plan.spec.departures),
        "spec": found.plan.spec.model_dump(mode="json"),
    }
