"""Run a module once, on tensors without numbers, and write down what it computes.

    graph = trace(module, (3, 32, 32))

The tensors lie on torch's `meta` device: shapes are real, so that code which asks for sizes runs as always, and there
are no numbers, so that nothing is computed and a choice that depends on them is noticed where it is made. (A symbolic
value of torch.fx knows no shape, and nothing of what is changed in place; an exported program has lost the modules.)
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from archsearch.errors import Problem, SpecError
from archsearch.export.import_functions import TorchCall, steps_of_function
from archsearch.export.import_graph import (
    EndStates,
    Graph,
    GraphStep,
    GraphValue,
    InputMisfitError,
    JoinStep,
    ModuleCall,
    Unsaid,
    Unsayable,
)
from archsearch.export.import_layers import is_leaf, kind_of_module, layer_step, without_numbers
from archsearch.export.import_places import (
    SKIPPED,
    caller,
    place_in_code,
    place_of_forward,
    reads_one_input,
    wrong_result,
)
from archsearch.export.import_twins import TWINS, last_states, main_result, reads_alone, takes_last
from archsearch.export.torch_private import WithoutOverrides, tree_leaves, tree_map, tree_map_only
from archsearch.spec.layers import Shape, size_text
from archsearch.spec.layers.blocks import BODY

BATCH = 2  # one sample could not be normalised
# What takes numbers out of tensors; there are none while tracing.
_NUMBERS = frozenset(
    ("item", "tolist", "numpy", "array", "bool", "int", "float", "index", "complex", "contains", "is_nonzero", "equal")
)
_NUMBERS_BY_DUNDER = frozenset(("bool", "int", "float", "index", "complex", "array", "contains"))
_MOVES = frozenset(("cpu", "cuda", "to", "type_as"))
_OF_SHAPES = (RuntimeError, ValueError, IndexError, AssertionError)  # what a wrong input makes a forward raise


def trace(module: nn.Module, shape: Shape, *, lines: Mapping[nn.Module, str] | None = None) -> Graph:
    """Give the graph of what a module computes for samples of this shape, in the mode (training or not) it is in.

    `lines` says where modules were made, as `file:line`. Raises `SpecError` where its forward chooses by the data or
    fails, `InputMisfitError` where it does not take the shape. What the language cannot say stands in the graph.
    """
    return _Recorder(module, lines or {}).run(shape)


class _Traced(Tensor):
    """A tensor without numbers that knows which value of the graph it is."""

    is_traced = True
    value: GraphValue
    recorder: _Recorder

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        first = next(leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, cls))
        return first.recorder.function(func, tuple(args), kwargs)


class _Recorder:
    """What is known while a module runs."""

    def __init__(self, module: nn.Module, lines: Mapping[nn.Module, str]) -> None:
        self.module = module
        self.lines = lines
        self.paths = {one: name for name, one in reversed(list(module.named_modules(remove_duplicate=False)))}
        self.scopes: list[ModuleCall] = []
        self.values: list[GraphValue] = []
        self.skipped: list[str] = []
        self.inside = False  # a module that is one step

    def run(self, shape: Shape) -> Graph:
        """Call the module and collect what it did."""
        reads_one_input(self.module)
        first = GraphValue(shape)
        self.values.append(first)
        x = self.traced(torch.empty(BATCH, *shape, device="meta"), first)
        with torch.no_grad():
            try:
                if any(isinstance(one, UninitializedParameter) for one in self.module.parameters()):
                    self.module(torch.zeros(BATCH, *shape))  # lazy modules take their sizes from the first input
                with self.watched():
                    result = self.module(x)
            except SpecError:
                raise
            except Exception as error:
                self.failed(error)
        if not isinstance(result, _Traced):
            for leaf in tree_leaves(result):
                if isinstance(leaf, _Traced) and isinstance(leaf.value.step, Unsaid):
                    raise SpecError(Problem(leaf.value.place, leaf.value.step.reason))
            raise SpecError(Problem(place_of_forward(self.module), wrong_result(self.module, result)))
        return Graph(tuple(self.values), result.value, tuple(self.skipped))

    # -- modules

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let every call of a module pass through here."""
        original = nn.Module.__call__

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, _Traced)]
            if not inputs or self.inside:
                return original(module, *args, **kwargs)
            if is_leaf(module):
                return self.leaf(module, args, kwargs, inputs)
            if isinstance(module, torch.jit.ScriptModule):
                raise self.error(f"{self.named(module)} was compiled by torch.jit; import the module it was made of")
            self.scopes.append(ModuleCall(self.paths.get(module, ""), type(module) is nn.Sequential))
            start = inputs[0].value
            try:
                return self.joined_alone(module, start, original(module, *args, **kwargs))
            finally:
                self.scopes.pop()

        nn.Module.__call__ = call  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def leaf(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], inputs: list[_Traced]) -> Any:
        """Write down a module of torch as one step."""
        what = type(module).__name__
        known = kind_of_module(module)
        x = inputs[0]
        shape = tuple(x.shape)
        place = self.place(module)
        same = bool(args) and all(one is args[0] for one in inputs)
        alone = same and reads_alone(module, args, kwargs)
        try:
            with WithoutOverrides():
                self.inside = True
                bare = without_numbers(module)
                result = (bare if known is None else bare.eval()).forward(*args, **kwargs)
        except Exception as error:
            if not alone or known is None:
                raise self.error(f"the language has no layer for {what}", module) from None
            raise InputMisfitError(Problem(place, f"{self.named(module)}: {_first_line(error)}")) from None
        finally:
            self.inside = False
        if alone and known is None and result is x:  # such as stochastic depth in evaluation
            self.skipped.append(self.named(module))
            return x
        try:
            if not alone:
                several = "with more than its input" if same else "of several inputs"
                raise Unsayable(f"the language has no layer for {what} {several}")
            if shape[0] != BATCH:
                raise Unsayable(f"{what} reads {size_text(shape)}, whose first size is not the batch any more")
            step: GraphStep = layer_step(module, shape[1:])
        except Unsayable as error:
            step = Unsaid(f"{self.named(module)}: {error}")
        result, others = main_result(result) if type(module) in TWINS else (result, ())
        if result is x and not getattr(
            module, "inplace", False
        ):  # handed on, not changed: others still read what it was
            result = _plain(x)
        path = self.paths.get(module, "")
        main = self.recorded(result, [step], inputs[:1] if alone else inputs, place, path)
        if not others:
            return main
        ends = EndStates(f"{self.named(module)}: the language has its first result alone", last_states(module, step))
        return (main, *self.recorded(others, [ends], inputs[:1], place, path))

    def joined_alone(self, module: nn.Module, start: GraphValue, result: Any) -> Any:
        """Write down a join of one branch, which computes nothing, where a module says that it is one."""
        join = getattr(module, "join", None)
        alone = [name for name, _ in module.named_children()]
        if join in ("concat", "add", "multiply") and alone in (["branch1"], [BODY]):
            last = result.value
            if not (isinstance(last.step, JoinStep) and last.scopes == tuple(self.scopes)):
                value = GraphValue(last.shape, JoinStep(join), (last,), scopes=tuple(self.scopes), start=start)
                self.values.append(value)
                return self.traced(_plain(result), value)
        return result

    # -- functions

    def function(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a function of torch on tensors without numbers, and write down what it is."""
        name, dunder = _name_of(func)
        if name in (_NUMBERS_BY_DUNDER if dunder else _NUMBERS - _NUMBERS_BY_DUNDER):
            self.chose_by_data(name, dunder)
        if name in _MOVES and isinstance(args[0], _Traced):
            return args[0]
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, _Traced)]
        if name.endswith("_as"):  # the other one lends its shape only
            inputs = inputs[:1]
        before = tuple(value.value for value in inputs)
        shapes = tuple(tuple(_shape(value)) for value in inputs)
        with WithoutOverrides():
            try:
                result = func(*tree_map(_meta, args), **tree_map(_meta, kwargs))
            except Exception as error:
                raise InputMisfitError(Problem(self.place(), f"{name}: {_first_line(error)}")) from None
            several = isinstance(result, (tuple, list)) and any(isinstance(part, Tensor) for part in result)
            if not several and not isinstance(result, Tensor):
                return result
            ended = inputs[0].value.step
            steps: list[GraphStep]
            if isinstance(ended, EndStates) and ended.last is not None and takes_last(name, args):
                before, steps = inputs[0].value.inputs, [ended.last]
            elif several:
                steps = [Unsaid(f"the language has no layer for {name}")]
            else:
                steps = self.steps(name, TorchCall(args, kwargs, shapes, tuple(result.shape), BATCH))
        return self.recorded(result, steps, inputs, self.place(), "", before)

    def steps(self, name: str, call: TorchCall) -> list[GraphStep]:
        """Give the steps of a call, or what the language has no word for."""
        try:
            return steps_of_function(name, call)
        except Unsayable as error:
            return [Unsaid(str(error))]
        except (TypeError, ValueError, KeyError, RuntimeError):
            return [Unsaid(f"{name} is called in a way that the language has no layer for")]

    # -- what is written down

    def recorded(
        self,
        result: Any,
        steps: Sequence[GraphStep],
        inputs: Sequence[_Traced],
        place: str,
        path: str,
        before: tuple[GraphValue, ...] | None = None,
    ) -> Any:
        """Put steps behind their inputs; a tensor that was changed in place is from now on what came out."""
        if not isinstance(result, Tensor):
            part = partial(self.recorded, steps=steps, inputs=inputs, place=place, path=path, before=before)
            return tree_map_only(Tensor, part, result)
        reads = before or tuple(value.value for value in inputs)
        value = reads[0]
        for step in steps:
            value = GraphValue(tuple(_shape(result))[1:], step, reads, place, path, tuple(self.scopes))
            if len(steps) > 1 and step is not steps[-1]:
                value.shape = (*reads[0].shape[:1], *(1 for _ in reads[0].shape[1:]))
            self.values.append(value)
            reads = (value,)
        if isinstance(result, _Traced):
            result.value = value
            return result
        return self.traced(result, value)

    def traced(self, tensor: Tensor, value: GraphValue) -> _Traced:
        """Make a tensor one that is followed."""
        found: _Traced = _plain(tensor).as_subclass(_Traced)
        found.value, found.recorder = value, self
        return found

    # -- places and errors

    def place(self, module: nn.Module | None = None) -> str:
        """Say where the module was made, else where in the file of a person we are."""
        if module is not None and module in self.lines:
            return self.lines[module]
        frame = caller()
        return place_in_code(frame[0], frame[1]) if frame else ""

    def named(self, module: nn.Module) -> str:
        """Name a module by its path and class: features.3 (Hardswish)."""
        path, what = self.paths.get(module, ""), type(module).__name__
        return f"{path} ({what})" if path else what

    def error(self, message: str, module: nn.Module | None = None) -> SpecError:
        """Give the error for what cannot be said here."""
        named = f"{self.named(module)}: " if module is not None else ""
        return SpecError(Problem(self.place(module), f"{named}{message}"))

    def chose_by_data(self, name: str, dunder: bool) -> NoReturn:
        """Refuse what depends on numbers."""
        frame = caller()
        line = linecache.getline(*frame).strip() if frame else ""
        shown = f": `{line}`" if line else ""
        if name == "bool":
            raise self.error(f"forward branches on data{shown}; a network of the language does the same for each input")
        call = f"{name}()" if dunder else f".{name}()"
        raise self.error(f"forward takes numbers out of its data by {call}{shown}; a network of the language cannot")

    def failed(self, error: Exception) -> NoReturn:
        """Refuse a forward that raised an exception of its own."""
        trail = error.__traceback__
        at = None
        while trail is not None:
            name = trail.tb_frame.f_code.co_filename
            if not name.startswith(SKIPPED):
                at = name, trail.tb_lineno
            trail = trail.tb_next
        place = place_in_code(*at) if at else ""
        kind = InputMisfitError if isinstance(error, _OF_SHAPES) else SpecError
        raise kind(Problem(place, f"forward raised {type(error).__name__}: {_first_line(error)}")) from None


def _meta(leaf: Any) -> Any:
    return leaf.detach().to("meta") if isinstance(leaf, Tensor) and not isinstance(leaf, _Traced) else leaf


def _plain(tensor: Tensor) -> Tensor:
    """Give another tensor of the same memory, which is not followed."""
    with WithoutOverrides():
        return tensor.detach().as_subclass(Tensor)


def _shape(tensor: Tensor) -> torch.Size:
    with WithoutOverrides():
        return tensor.shape


def _name_of(func: Callable[..., Any]) -> tuple[str, bool]:
    """Give the plain name of a function, and whether it is one of Python's own: `__iadd__` and `add_` are iadd, add."""
    name = getattr(func, "__name__", "function")
    if name == "__get__":
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    return name.strip("_"), name.startswith("__")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
