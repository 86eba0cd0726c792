"""Metrics in the files that a script writes: JSON, CSV, and what transformers saves; what only a logger is told.

saved_metrics(sources, {})[0].reading           # {"json": "result.json", "key": "test.accuracy"}
logged_elsewhere(sources)                   # ["train.py:90: wandb.log is told val/acc, ..."]
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsearch.init.results import MetricGuess, guess, metric_name, part_name, scale_said, words_of_text
from archsearch.init.source import SourceFile, argument, dotted, keyword, last_name, literal_or_none, text_of

_LOGGERS = {
    "wandb.log": "wandb.log", "run.log": "wandb.log", "mlflow.log_metric": "mlflow.log_metric",
    "mlflow.log_metrics": "mlflow.log_metrics",
}  # fmt: skip
_METHODS = {"add_scalar": "TensorBoard", "log_dict": "self.log_dict"}


def saved_metrics(sources: Sequence[SourceFile], files: Mapping[str, str]) -> list[MetricGuess]:
    """Give the metrics that are written into files whose names stand in the text, or that an option names.

    `files` has, by the name of an option, the file that it would name in a run's own folder.
    """
    found: list[MetricGuess] = []
    for source in sources:
        naming = Naming(source, files)
        found += [one for read in (_json, _csv) for one in read(naming)]
        found += _transformers(source)
    return found


def written_options(sources: Sequence[SourceFile], files: Mapping[str, str]) -> set[str]:
    """Name the options that are opened for writing as they are: files, not folders."""
    found: set[str] = set()
    for source in sources:
        for call in source.calls:
            path = _opened(call)
            if last_name(call.func) in ("write_text", "write_bytes", "to_csv", "to_json") and isinstance(
                call.func, ast.Attribute
            ):
                path = call.func.value if last_name(call.func).startswith("write") else argument(call, 0, "")
            if isinstance(path, ast.Call) and last_name(path.func) == "Path" and path.args:
                path = path.args[0]
            name = last_name(path) if path is not None else ""
            mode = text_of(argument(call, 1, "mode"), source) if last_name(call.func) == "open" else "w"
            if name in files and mode[:1] in ("w", "a", "x"):
                found.add(name)
    return found


@dataclass(frozen=True, slots=True)
class Naming:
    """A source, with the files that its options name."""

    source: SourceFile
    files: Mapping[str, str]

    def file_of(self, node: ast.expr, call: ast.Call) -> str:
        """Name the file that something is written into: `open("x.json", "w")`, or the name that a `with` gives it."""
        if isinstance(node, ast.Call):
            return self.file_name(_opened(node))
        name = dotted(node)
        if not name:
            return ""
        best, place = "", -1
        for one in self.source.nodes:
            opened: ast.expr | None = None
            if isinstance(one, ast.withitem) and one.optional_vars is not None and dotted(one.optional_vars) == name:
                opened = one.context_expr
            elif isinstance(one, ast.Assign) and dotted(one.targets[0]) == name:
                opened = one.value
            if not isinstance(opened, ast.Call) or not place < opened.lineno <= call.lineno:
                continue
            if file := self.file_name(_opened(opened)):
                best, place = file, opened.lineno
        return best

    def file_name(self, node: ast.expr | None, depth: int = 0) -> str:
        """Give the last part of a path where that stands in the text: `os.path.join(out, "r.json")` is r.json."""
        if node is None or depth > 8:
            return ""
        if text := text_of(node, self.source):
            return text.replace("\\", "/").rpartition("/")[2]
        if isinstance(node, ast.Call) and node.args:
            return self.file_name(node.args[-1], depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
            return self.file_name(node.right, depth + 1)
        if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[-1], ast.Constant):
            last = str(node.values[-1].value)
            return last.rpartition("/")[2] if "/" in last else ""
        if isinstance(node, ast.Name) and (given := _assigned(node.id, self.source)):
            return self.file_name(given[-1], depth + 1)
        return self.files.get(last_name(node), "")


def _assigned(name: str, source: SourceFile) -> list[ast.expr]:
    """Give what is assigned to a name, in the order of the text."""
    return sorted(source.assigned.get(name, ()), key=lambda value: value.lineno)


def _json(naming: Naming) -> Iterator[MetricGuess]:
    source = naming.source
    for call in source.calls:
        if dotted(call.func) == "json.dump" and len(call.args) >= 2:
            what, file = call.args[0], naming.file_of(call.args[1], call)
        elif last_name(call.func) == "write_text" and isinstance(call.func, ast.Attribute) and call.args:
            inner = call.args[0]
            if not (isinstance(inner, ast.Call) and dotted(inner.func) == "json.dumps" and inner.args):
                continue
            what, file = inner.args[0], naming.file_name(call.func.value)
        elif last_name(call.func) == "write" and call.args and isinstance(call.func, ast.Attribute):
            inner = call.args[0]
            if not (isinstance(inner, ast.Call) and dotted(inner.func) == "json.dumps" and inner.args):
                continue
            what, file = inner.args[0], naming.file_of(call.func.value, call)
        else:
            continue
        if not file.endswith(".json"):
            continue
        for key, value in _entries(what, source):
            words = words_of_text(key)
            reading = {"json": file, "key": key}
            found = guess(words, part_name(words), reading, source.where(call), scale=scale_said(value, source))
            if found is not None:
                yield found


def _opened(call: ast.Call) -> ast.expr | None:
    """Give the path of `open(path)` or `path.open()`."""
    if dotted(call.func) in ("open", "io.open", "codecs.open"):
        return argument(call, 0, "file")
    return call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr == "open" else None


def _entries(node: ast.expr, source: SourceFile, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, ast.expr]]:
    """Yield the keys of what is written with their values, parts of parts by dotted keys."""
    if depth > 4:
        return
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            name = text_of(key, source)
            if name and isinstance(value, ast.Dict):
                yield from _entries(value, source, f"{prefix}{name}.", depth + 1)
            elif name:
                yield f"{prefix}{name}", value
    elif isinstance(node, ast.Call) and dotted(node.func) == "dict":
        yield from ((f"{prefix}{one.arg}", one.value) for one in node.keywords if one.arg)
    elif isinstance(node, ast.Name):
        for one in source.nodes:
            if not isinstance(one, ast.Assign):
                continue
            target = one.targets[0]
            if isinstance(target, ast.Name) and target.id == node.id and not isinstance(one.value, ast.Name):
                yield from _entries(one.value, source, prefix, depth + 1)
            elif (
                isinstance(target, ast.Subscript)
                and dotted(target.value) == node.id
                and (inner := text_of(target.slice, source))
            ):
                yield f"{prefix}{inner}", one.value


def _csv(naming: Naming) -> Iterator[MetricGuess]:
    source = naming.source
    file: str
    columns: Any
    for call in source.calls:
        file, columns = "", None
        if last_name(call.func) == "writerow" and isinstance(call.func, ast.Attribute) and call.args:
            columns = literal_or_none(call.args[0], source)
            file = _file_of_writer(dotted(call.func.value), call, naming) if isinstance(columns, list) else ""
        elif last_name(call.func) == "DictWriter":
            columns = literal_or_none(argument(call, 1, "fieldnames"), source)
            file = naming.file_of(call.args[0], call) if call.args else ""
        elif (
            last_name(call.func) == "CSVLogger"
            and len(call.args) >= 1
            and text_of(call.args[0], source).endswith(".csv")
        ):
            file, columns = naming.file_name(call.args[0]), _keras_columns(source)
        elif last_name(call.func) == "to_csv":
            file, columns = naming.file_name(argument(call, 0, "path_or_buf")), _frame_columns(call, source)
        if not isinstance(columns, list) or not file.endswith((".csv", ".tsv")):
            continue
        for column in columns:
            words = words_of_text(column) if isinstance(column, str) else []
            reading = {"csv": file, "column": column}
            if (found := guess(words, part_name(words), reading, source.where(call))) is not None:
                yield found


def _file_of_writer(name: str, call: ast.Call, naming: Naming) -> str:
    """Name the file of a csv.writer by the name that the writer is assigned to."""
    for value in _assigned(name, naming.source):
        if isinstance(value, ast.Call) and value.args and dotted(value.func) in ("csv.writer", "writer"):
            return naming.file_of(value.args[0], call)
    return ""


def _keras_columns(source: SourceFile) -> list[str]:
    """Name the columns of Keras's CSVLogger: loss and the compiled metrics, with val_ where validation is given."""
    compiled = [
        m
        for c in source.calls
        if last_name(c.func) == "compile"
        for m in (literal_or_none(keyword(c, "metrics"), source) or [])
    ]
    names = ["loss", *(m for m in compiled if isinstance(m, str))]
    fits = [c for c in source.calls if last_name(c.func) == "fit"]
    validated = any(
        keyword(c, "validation_data") is not None or keyword(c, "validation_split") is not None for c in fits
    )
    return [*(f"val_{name}" for name in names if validated), *(f"{name}" for name in names)]


def _frame_columns(call: ast.Call, source: SourceFile) -> list[str]:
    """Name the columns of a pandas frame that is written, where it is made of a dict of lists or a list of dicts."""
    frame = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(frame, ast.Name):
        given = _assigned(frame.id, source)
        frame = given[-1] if given else None
    if not (isinstance(frame, ast.Call) and last_name(frame.func) == "DataFrame" and frame.args):
        return []
    what = frame.args[0]
    if isinstance(what, ast.Name):  # a list that rows are appended to
        for one in source.calls:
            appended = (
                isinstance(one.func, ast.Attribute) and one.func.attr == "append" and dotted(one.func.value) == what.id
            )
            if appended and one.args and (names := [key for key, _ in _entries(one.args[0], source)]):
                return names
    return [key for key, _ in _entries(what, source)]


def _transformers(source: SourceFile) -> Iterator[MetricGuess]:
    """Find `trainer.save_metrics("eval", ...)`, which adds eval_loss to all_results.json in the output folder."""
    for call in source.calls:
        if last_name(call.func) == "save_metrics" and text_of(argument(call, 0, "split"), source) == "eval":
            reading: dict[str, Any] = {"json": "all_results.json", "key": "eval_loss"}
            note = "what compute_metrics returns is there too, as eval_accuracy and the like"
            if (found := guess(["loss"], "eval", reading, source.where(call), notes=(note,))) is not None:
                yield found


def logged_elsewhere(sources: Sequence[SourceFile]) -> list[str]:
    """Say which metrics only a logger is told, which a program's file does not read."""
    told: dict[str, tuple[str, list[str]]] = {}
    for source in sources:
        for call in source.calls:
            name = (
                _LOGGERS.get(dotted(call.func))
                or _METHODS.get(last_name(call.func))
                or ("self.log" if dotted(call.func) == "self.log" else "")
            )
            if not name or not call.args:
                continue
            first = text_of(call.args[0], source)
            keys = [first] if first else [key for key, _ in _entries(call.args[0], source)]
            known = [key for key in keys if metric_name(words_of_text(key))]
            if known:
                told.setdefault(name, (source.where(call), []))[1].extend(known)
    return [
        f"{where}: {name} is told {', '.join(list(dict.fromkeys(keys))[:4])}, which is not read from there: "
        f"print it too, such as {keys[0].replace('/', '_')}=..."
        for name, (where, keys) in told.items()
    ]
