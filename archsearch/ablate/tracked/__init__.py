"""Runs that people have already, in MLflow, TensorBoard or Weights & Biases, as rows to compare.

    runs.py              what a tracked run is: settings, status, metrics by epoch summarised
    mlflow_runs.py, tensorboard_runs.py, wandb_runs.py        one reader each, on that project's own library
    named.py             settings that stand in the names of runs
    rows.py              runs to the rows of a sheet: which are left out, and that is said
    reading.py           from a reference such as mlflow:EXPERIMENT to measurements

The readers' libraries are extras and imported when a reader is used.
"""
