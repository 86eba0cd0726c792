"""Usage: python train.py config.yaml"""
import json
import sys
from pathlib import Path

import numpy as np
import yaml


def features(x, kind):
    if kind == "raw":
        return x
    return np.hstack([x, x**2])


def main(path):
    config = yaml.safe_load(Path(path).read_text())
    data, ridge = config["data"], config["model"]["ridge"]
    rng = np.random.default_rng(config["seed"])
    x = rng.uniform(-2, 2, size=(data["samples"], data["inputs"]))
    y = x @ rng.normal(size=data["inputs"]) + 0.5 * (x**2).sum(axis=1) + data["noise"] * rng.normal(size=len(x))
    x = np.hstack([np.ones((len(x), 1)), features(x, config["model"]["features"])])
    half = len(x) // 2
    a, b = x[:half], y[:half]
    w = np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ b)
    error = x[half:] @ w - y[half:]
    out = Path(config["output"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.json").write_text(json.dumps({"test": {"mae": float(np.abs(error).mean())}}))


if __name__ == "__main__":
    main(sys.argv[1])
