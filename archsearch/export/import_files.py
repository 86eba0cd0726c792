"""The files around an import: weights that come along, and the spec and the weights that are written.

read_weights(module, Path("net.safetensors"))
write_import(found, Path("net.yaml"), with_weights=True)      # net.yaml and net.safetensors beside it
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save
from torch import Tensor, nn

from archsearch.errors import DamagedFileError, SpecError, UnavailableError
from archsearch.export.import_network import Imported
from archsearch.files import must_be_free, write_whole
from archsearch.spec.text.write import spec_yaml
from archsearch.wording import count_of

_WRAPPED = ("state_dict", "model_state_dict", "model")  # what training scripts put a state_dict under


def read_weights(module: nn.Module, path: Path) -> None:
    """Load a state_dict (.safetensors, or .pt and .pth, read as tensors only) into the module that is imported.

    Raises `SpecError` where its names or shapes are not the module's, `DamagedFileError` for no such file.
    """
    held = _tensors(path)
    own = module.state_dict()
    wrong = [
        *(f"{name} is missing" for name in own if name not in held),
        *(f"{name} is not in the module" for name in held if name not in own),
        *(
            f"{name} is {tuple(held[name].shape)}, the module has {tuple(value.shape)}"
            for name, value in own.items()
            if name in held and held[name].shape != value.shape
        ),
    ]
    if wrong:
        more = f", and {count_of(len(wrong) - 3, 'other')}" if len(wrong) > 3 else ""
        raise SpecError(f"{path} holds the weights of another module: {'; '.join(wrong[:3])}{more}")
    module.load_state_dict(held)


def _tensors(path: Path) -> Mapping[str, Tensor]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None
    try:
        held = load_safetensors(content) if path.suffix == ".safetensors" else _unpickled(path)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        raise DamagedFileError(
            f"{path} cannot be read as weights; give a state_dict as .safetensors, or as .pt that holds tensors only"
        ) from None
    while isinstance(held, dict) and (key := next((key for key in _WRAPPED if isinstance(held.get(key), dict)), "")):
        held = held[key]
    if not isinstance(held, dict) or not all(isinstance(value, Tensor) for value in held.values()):
        raise DamagedFileError(f"{path} holds no state_dict: tensors by name are expected")
    return held


def _unpickled(path: Path) -> object:
    return torch.load(path, map_location="cpu", weights_only=True)


def written_files(output: Path, with_weights: bool, force: bool) -> tuple[Path, ...]:
    """Give the files that an import writes; raise `UsageError` where one is there already, unless by `force`."""
    files = (output, *([output.with_suffix(".safetensors")] if with_weights else []))
    for path in files:
        must_be_free(path, force)
    return files


def write_import(found: Imported, files: tuple[Path, ...]) -> None:
    """Write the spec, and before it the weights by the names of a run's `model.safetensors`."""
    spec, *weights = files
    for path in weights:
        write_whole(path, save({name: value.detach().cpu().contiguous() for name, value in found.state.items()}))
    write_whole(spec, spec_yaml(found.plan.spec, f"archsearch run {spec}").encode())
