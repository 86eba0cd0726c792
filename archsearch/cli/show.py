"""`archsearch show`: the layer table."""

from __future__ import annotations

from archsearch.cli import options


def show(
    spec: options.Spec,
    overrides: options.Overrides = None,
    json: options.Json = False,
    max_parameters: options.MaxParameters = None,
    max_activations: options.MaxActivations = None,
    max_layers: options.MaxLayers = None,
) -> None:
    """Show a network as a table: layers, shapes, parameters, MACs, memory.

    Example:  archsearch show lenet5 conv1.out_channels=10
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.experiment_plan import load_plan

    limits = options.limits(max_parameters, max_activations, max_layers)
    refuse_other(spec, "spec", "show")
    plan = load_plan(spec, overrides or (), limits=limits)
    if json:
        console.print_json(console.plan_json(plan))
    else:
        console.print_plan(plan)
