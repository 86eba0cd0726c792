"""Everything that a person sees in the terminal. Results go to stdout, progress and errors to stderr.

The only room that knows rich. Text from specs is printed as it is, never as markup.
"""

from __future__ import annotations

from archsearch.cli.console.ablations import (
    AblationPanel,
    note_factors,
    note_plan,
    print_ablation,
    print_ablation_status,
    print_prices,
    print_sensitivity,
)
from archsearch.cli.console.base import error, json_text, note, print_json
from archsearch.cli.console.begun import begun_json, print_begun
from archsearch.cli.console.claims import print_claim, print_claims
from archsearch.cli.console.comparisons import print_verdicts
from archsearch.cli.console.forecasts import print_forecast
from archsearch.cli.console.kept import print_removable, print_removed, print_verified
from archsearch.cli.console.machine import print_checks, print_data_sets, print_files, print_findings, print_imported
from archsearch.cli.console.predictions import print_evaluation, print_predictions, print_predictions_csv
from archsearch.cli.console.programs import (
    followed_line,
    print_checked_program,
    print_program,
    print_program_cells,
    print_program_changes,
    print_program_findings,
    print_program_run,
    print_program_seeds,
    program_json,
    program_progress,
)
from archsearch.cli.console.reproductions import (
    note_bundle,
    note_reproductions,
    note_run_against,
    print_bundle,
    print_bundle_again,
    print_reproduced,
)
from archsearch.cli.console.runs import RunBar, print_run, print_summary
from archsearch.cli.console.specs import (
    difference_json,
    lint_json,
    note_lint,
    plan_json,
    print_catalog,
    print_checked,
    print_checked_study,
    print_difference,
    print_lint,
    print_lint_line,
    print_plan,
    started,
)
from archsearch.cli.console.studies import (
    StudyPanel,
    note_outlook,
    print_space,
    print_status,
    print_study,
    print_values,
    study_json,
)
from archsearch.cli.console.trusted import allowed_json, print_allowed, print_taken_back, print_trusted
from archsearch.cli.console.workers import print_worker

__all__ = [
    "AblationPanel",
    "RunBar",
    "StudyPanel",
    "allowed_json",
    "begun_json",
    "difference_json",
    "error",
    "followed_line",
    "json_text",
    "lint_json",
    "note",
    "note_bundle",
    "note_factors",
    "note_lint",
    "note_outlook",
    "note_plan",
    "note_reproductions",
    "note_run_against",
    "plan_json",
    "print_ablation",
    "print_ablation_status",
    "print_allowed",
    "print_begun",
    "print_bundle",
    "print_bundle_again",
    "print_catalog",
    "print_checked",
    "print_checked_program",
    "print_checked_study",
    "print_checks",
    "print_claim",
    "print_claims",
    "print_data_sets",
    "print_difference",
    "print_evaluation",
    "print_files",
    "print_findings",
    "print_forecast",
    "print_imported",
    "print_json",
    "print_lint",
    "print_lint_line",
    "print_plan",
    "print_predictions",
    "print_predictions_csv",
    "print_prices",
    "print_program",
    "print_program_cells",
    "print_program_changes",
    "print_program_findings",
    "print_program_run",
    "print_program_seeds",
    "print_removable",
    "print_removed",
    "print_reproduced",
    "print_run",
    "print_sensitivity",
    "print_space",
    "print_status",
    "print_study",
    "print_summary",
    "print_taken_back",
    "print_trusted",
    "print_values",
    "print_verdicts",
    "print_verified",
    "print_worker",
    "program_json",
    "program_progress",
    "started",
    "study_json",
]
