"""Export a spec or a run to a file: PyTorch source, ONNX, an exported program, or the resolved spec.

    done = export("lenet5", "pytorch", ExportOptions(train=True))
    done.files, done.notes

Everything is computed before the first file is written; a file that is there already is an error before anything else.
"""

from __future__ import annotations

import io
import json
import keyword
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from archsearch.data.inputs import Inputs
from archsearch.data.prepare import Dataset, load
from archsearch.errors import LimitError, UsageError
from archsearch.export.chosen import ChosenNetwork, chosen_network, with_weights
from archsearch.export.graph import CHECKED, graph_of, program_bytes
from archsearch.export.loading import comes_by_itself
from archsearch.export.onnx_file import int8_bytes, measured, need_onnx, onnx_bytes
from archsearch.export.pytorch import pytorch_source
from archsearch.export.training import training_source
from archsearch.files import must_be_free, write_whole
from archsearch.spec.network import Limits
from archsearch.spec.text.write import spec_yaml
from archsearch.train.loop import parts

ExportFormat = Literal["pytorch", "onnx", "program", "spec"]
SUFFIXES: Mapping[ExportFormat, str] = {"pytorch": ".py", "onnx": ".onnx", "program": ".pt2", "spec": ".yaml"}
STDOUT = Path("-")
CALIBRATION = 512  # training samples that 8-bit activations get their range from
LARGEST_DATA = 2 * 2**30  # bytes of your own prepared data that go along with a training script
_TAKEN = frozenset({*sys.stdlib_module_names, "torch", "torchvision", "numpy", "sklearn", "safetensors"})


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How to export; what does not go with the format is an error."""

    output: Path | None = None
    overrides: Sequence[str] = ()
    seed: int | None = None
    train: bool = False
    with_preparation: bool = False
    int8: bool = False
    force: bool = False
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
    limits: Limits | None = None
    say: Callable[[str], None] | None = None


@dataclass(slots=True)
class Exported:
    """What was written, what is to be said of it, and the same as plain values; `text` is there instead for `-`."""

    files: list[Path] = field(default_factory=list)
    text: str = ""
    notes: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)


def export(reference: str, format_: ExportFormat, options: ExportOptions | None = None) -> Exported:
    """Export what a name, a file or a run means.

    Raises what reading it raises, `UsageError` for options that do not fit, a file that is there, a missing extra or a
    layer that the format cannot express, and `UnavailableError` where a file cannot be written.
    """
    options = options or ExportOptions()
    _must_fit(format_, options)
    subject = chosen_network(reference, options.overrides, options.runs_dir, seed=options.seed, limits=options.limits)
    path = _output(subject, format_, options)
    contents: dict[Path, bytes] = dict.fromkeys(_paths(path, subject, format_, options), b"")
    for there in contents:
        if there != STDOUT:
            must_be_free(there, options.force)
    done = Exported()
    if format_ in ("onnx", "program"):
        subject = with_weights(subject, options.runs_dir, options.seed)
        _write_graph(subject, format_, path, contents, options, done)
    elif format_ == "spec":
        file = "FILE.yaml" if path == STDOUT else path
        contents[path] = spec_yaml(subject.plan.spec, f"archsearch run {file}").encode()
    else:
        _write_source(subject, path, contents, options, done)
    if path == STDOUT:
        done.text = contents[path].decode()
    else:
        for where, content in contents.items():
            write_whole(where, content)
        done.files = list(contents)
    done.facts |= {
        "format": format_,
        "name": subject.name,
        "run_id": subject.directory.name if subject.directory else None,
        "seed": subject.seed,
        "parameters": subject.plan.network.parameters,
    }
    return done


def _must_fit(format_: ExportFormat, options: ExportOptions) -> None:
    goes_with: tuple[tuple[bool, str, tuple[ExportFormat, ...]], ...] = (
        (options.train, "--train", ("pytorch",)),
        (options.with_preparation, "--with-preparation", ("onnx", "program")),
        (options.int8, "--int8", ("onnx",)),
    )
    for asked, name, formats in goes_with:
        if asked and format_ not in formats:
            raise UsageError(f"{name} goes with --to {' or '.join(formats)}, not with {format_}")
    if format_ == "onnx":
        need_onnx()


def _output(subject: ChosenNetwork, format_: ExportFormat, options: ExportOptions) -> Path:
    """Give the file that is asked for, or one called as the spec in the current folder."""
    suffix = SUFFIXES[format_]
    if options.output is None:
        return Path(f"{_module_name(subject.name) if format_ == 'pytorch' else subject.name}{suffix}")
    path = options.output
    if path == STDOUT:
        if format_ not in ("pytorch", "spec") or options.train:
            raise UsageError("-o - prints one text: --to pytorch without --train, or --to spec")
        return path
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file in it: -o {path / subject.name}{suffix}")
    if path.suffix != suffix and path.suffix in SUFFIXES.values():
        raise UsageError(f"{path} is no name for --to {format_}; call it {path.with_suffix(suffix)}")
    if options.train and (not path.stem.isidentifier() or keyword.iskeyword(path.stem) or path.stem in _TAKEN):
        raise UsageError(
            f"the training script imports {path.name}, and {path.stem!r} cannot be imported; use another name, such as "
            f"{_module_name(subject.name)}{suffix}"
        )
    return path


def _module_name(name: str) -> str:
    """Make a name that Python can import, and that hides nothing else."""
    word = re.sub(r"\W", "_", name)
    word = word if word.isidentifier() else f"_{word}"
    return f"{word}_model" if keyword.iskeyword(word) or word in _TAKEN else word


def _paths(path: Path, subject: ChosenNetwork, format_: ExportFormat, options: ExportOptions) -> list[Path]:
    """Give all files that will be written."""
    beside = {"train": path.with_name(f"{path.stem}_train.py"), "data": path.with_name(f"{path.stem}_data.npz")}
    found = [path]
    if options.train:
        found.append(beside["train"])
        if not comes_by_itself(subject.plan.spec.data):
            found.append(beside["data"])
    if options.int8:
        found.append(path.with_name(f"{path.stem}_int8{path.suffix}"))
    return found


# -- PyTorch -----------------------------------------------------------------------------------------------------------


def _write_source(
    subject: ChosenNetwork, path: Path, contents: dict[Path, bytes], options: ExportOptions, done: Exported
) -> None:
    scaled = subject.directory is not None and subject.plan.spec.data.normalize_targets
    inputs = subject.inputs(options.data_dir, options.say) if scaled else None
    contents[path] = pytorch_source(subject.plan, inputs).encode()
    if scaled:
        done.notes.append("it gives targets scaled as in training; its docstring says how they are in their own unit")
    if subject.directory is not None:
        done.notes.append(f"the weights of the run, for its load_state_dict: {subject.directory}/model.safetensors")
    if not options.train:
        return
    script, *data = list(contents)[1:]
    contents[script] = training_source(subject.plan, path.stem, data[0].name if data else None).encode()
    again = f" {subject.seed}" if subject.seed else ""
    done.notes.append(
        f"python {script.name}{again} trains it, and computes with torch what the run with this seed does"
    )
    if data:
        contents[data[0]] = _arrays(load(subject.plan.spec.data, data_dir=options.data_dir, say=options.say))
        done.notes.append(f"{data[0].name} holds your data as they were prepared; the script reads it")


def _arrays(data: Dataset) -> bytes:
    arrays = {"x_train": data.x_train, "y_train": data.y_train, "x_test": data.x_test, "y_test": data.y_test}
    size = sum(array.numel() * array.element_size() for array in arrays.values())
    if size > LARGEST_DATA:
        raise LimitError(
            f"the prepared data take {size / 2**30:.1f} GiB, more than the {LARGEST_DATA / 2**30:.0f} that go along "
            "with a script; set data.limit or a smaller data.size"
        )
    inner = io.BytesIO()
    np.savez(inner, allow_pickle=False, **{name: array.numpy() for name, array in arrays.items()})
    return inner.getvalue()


# -- graphs ------------------------------------------------------------------------------------------------------------


def _write_graph(
    subject: ChosenNetwork,
    format_: ExportFormat,
    path: Path,
    contents: dict[Path, bytes],
    options: ExportOptions,
    done: Exported,
) -> None:
    if subject.directory is None:
        if options.int8:
            raise UsageError(f"--int8 is for trained networks, and {subject.name} has no finished run here; train it")
        done.notes.append(
            f"untrained: the initial weights of seed {subject.seed}; name a finished run to export what it has learned"
        )
    else:
        done.notes.append(f"weights of run {subject.directory.name} (seed {subject.seed})")
    inputs = subject.inputs(options.data_dir, options.say, statistics=options.with_preparation)
    graph = graph_of(subject.model(), inputs, with_preparation=options.with_preparation)
    if format_ == "program":
        contents[path], difference = program_bytes(graph)
    else:
        about = _about(subject, inputs, options.with_preparation)
        contents[path], difference = onnx_bytes(graph, subject.plan.network, about)
    by = "onnxruntime" if format_ == "onnx" else "the program that was read back"
    done.notes.append(f"{by} gives the network's outputs on {CHECKED} made-up samples, at most {difference:.1e} off")
    done.notes.append(f"reads {_said(subject, inputs, options.with_preparation)}")
    if not options.with_preparation and (inputs.target_mean is not None or inputs.link):
        done.notes.append("gives what the network gives, targets as they were trained on: not in their own unit")
    done.facts |= {"trained": subject.directory is not None, "largest_difference": difference, "samples": CHECKED}
    if options.int8:
        small = list(contents)[-1]
        contents[small] = _quantized(subject, inputs, contents[path], options, done)


def _said(subject: ChosenNetwork, inputs: Inputs, prepared: bool) -> str:
    """_Say what a file reads."""
    shape = ", ".join(map(str, inputs.shape))
    if not prepared:
        normalized = ", normalised as in training" if subject.plan.spec.data.normalize else ""
        return f"float32 (N, {shape}){', values / 255' if inputs.stored == 'uint8' else ''}{normalized}"
    return f"{inputs.stored} (N, {shape}), as the data are stored"


def _about(subject: ChosenNetwork, inputs: Inputs, prepared: bool) -> dict[str, str]:
    """Give what an ONNX file says of itself: what it reads, and what its outputs are called."""
    return {
        "name": subject.name,
        "reads": _said(subject, inputs, prepared),
        "class_names": json.dumps(list(inputs.class_names), ensure_ascii=False),
        "run": subject.directory.name if subject.directory else "",
    }


def _quantized(subject: ChosenNetwork, inputs: Inputs, content: bytes, options: ExportOptions, done: Exported) -> bytes:
    """Quantize with a part of the training data, and measure both files on the test data."""
    spec, task = subject.plan.spec, subject.plan.facts.task
    data = load(spec.data, data_dir=options.data_dir, say=options.say)
    training, _, test = parts(subject.plan, subject.seed, data, "cpu")
    read = (lambda x: x) if options.with_preparation else inputs.reader()
    step = max(1, len(training) // CALIBRATION)
    calibration = training.rows[::step][:CALIBRATION]
    small = int8_bytes(content, read(training.x[calibration]))
    scores = {}
    for name, file in (("float", content), ("int8", small)):
        found = [measured(file, read(test.x[some])) for some in torch.split(test.rows, 1000)]
        scores[name] = dict(task.metrics(torch.cat(found), test.y))
    for metric, value in scores["int8"].items():
        before = scores["float"][metric]
        done.notes.append(f"int8: test {metric} {value:.4f}, float {before:.4f}, on {len(test.y):,} samples")
    size = f"{len(small) / 1000:,.0f} kB instead of {len(content) / 1000:,.0f}"
    done.notes.append(f"int8: {size}; ranges of {len(calibration)} training samples")
    done.facts |= {"test": scores, "test_samples": len(test.y), "calibration_samples": len(calibration)}
    return small


assert set(SUFFIXES) == set(get_args(ExportFormat))
