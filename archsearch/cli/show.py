"""`archsearch show`: the layer table, or what a program starts."""

from __future__ import annotations

from archsearch.cli import options, programs


def show(
    spec: options.Spec,
    overrides: options.Overrides = None,
    json: options.Json = False,
    max_parameters: options.MaxParameters = None,
    max_activations: options.MaxActivations = None,
    max_layers: options.MaxLayers = None,
) -> None:
    """Show a network as a table of layers, or what a program starts; of its ablation what each cell starts.

    Examples:  archsearch show lenet5 conv1.out_channels=10      archsearch show train.yaml values.lr=0.1
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.experiment_plan import load_plan

    limits = options.limits(max_parameters, max_activations, max_layers)
    if programs.is_ablation_of_program(spec):
        programs.show_program_cells(spec, json=json)
        return
    refuse_other(spec, "spec", "show")
    if programs.is_program_file(spec):
        programs.show_program(spec, overrides or (), json=json)
        return
    plan = load_plan(spec, overrides or (), limits=limits)
    if json:
        console.print_json(console.plan_json(plan))
    else:
        console.print_plan(plan)
