"""Runs as people write them, each by the tracker's own library, in a process of its own: norm by seed, as scripts do.

The last accuracy of a run is 0.90 + 0.02 (layer) + seed / 100 + seed / 1000 (layer), its largest 0.05 more, at the
second of three steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ACCURACY = """
def accuracies(norm, seed):
    last = 0.90 + (norm == "layer") * (0.02 + seed / 1000) + seed / 100
    return [last - 0.2, last + 0.05, last]
RUNS = [(norm, seed) for norm in ("batch", "layer") for seed in range(3)]
"""

MLFLOW = """
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("norms")
for norm, seed in RUNS:
    with mlflow.start_run(run_name=f"{norm}-{seed}"):
        mlflow.log_params({"norm": norm, "seed": seed, "lr": 0.1 if norm == "batch" else 0.2})
        mlflow.set_tag("machine", f"gpu{seed}")
        for step, value in enumerate(accuracies(norm, seed)):
            mlflow.log_metric("val/acc", value, step=step)
try:
    with mlflow.start_run(run_name="layer-3"):
        mlflow.log_params({"norm": "layer", "seed": 3})
        mlflow.log_metric("val/acc", 0.1)
        raise RuntimeError("out of memory")
except RuntimeError:
    pass
mlflow.set_experiment("another")
with mlflow.start_run():
    mlflow.log_metric("loss", 1.0)
"""

TORCH = """
from torch.utils.tensorboard import SummaryWriter
for norm, seed in RUNS:
    writer = SummaryWriter(f"runs/norm={norm}/seed{seed}")
    for step, value in enumerate(accuracies(norm, seed)):
        writer.add_scalar("val/acc", value, step)
        writer.add_text("note", "hello", step)
    writer.add_hparams({"norm": norm, "lr": 0.1, "width": 64}, {"hparam/acc": 0.5})
    writer.close()
"""

WANDB = """
import wandb
quiet = wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True)
for norm, seed in RUNS:
    config = {"model": {"norm": norm, "width": 64}, "seed": seed}
    run = wandb.init(mode="offline", project="norms", name=f"{norm}-{seed}", config=config, settings=quiet)
    run.config.update({"lr": 0.1})
    for value in accuracies(norm, seed):
        run.log({"val/acc": value, "note": "text", "nested": {"loss": 1 - value}})
    run.summary["test_acc"] = 0.7
    run.finish()
config = {"model": {"norm": "layer"}, "seed": 3}
run = wandb.init(mode="offline", project="norms", name="crashed", config=config, settings=quiet)
run.log({"val/acc": 0.1})
run.finish(exit_code=1)
"""


def write(script: str, folder: Path) -> Path:
    """Run a script in a folder, with nothing sent anywhere."""
    quiet = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "WANDB_MODE": "offline",
        "WANDB_ERROR_REPORTING": "0",
    }
    done = subprocess.run(
        [sys.executable, "-c", ACCURACY + script],
        cwd=folder, env={**os.environ, **quiet}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return folder
