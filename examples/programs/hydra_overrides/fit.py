import json
import logging
from pathlib import Path

import hydra
import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

log = logging.getLogger(__name__)


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: DictConfig) -> None:
    rng = np.random.default_rng(cfg.seed)
    scales = np.linspace(0.05, 1.0, 10)  # an ill-conditioned least squares
    x = rng.normal(size=(500, 10)) * scales
    weights = rng.normal(size=10)
    y = x @ weights + cfg.noise * rng.normal(size=500)
    w, velocity = np.zeros(10), np.zeros(10)
    for _ in range(cfg.steps):
        batch = rng.integers(400, size=32)
        gradient = x[batch].T @ (x[batch] @ w - y[batch]) / 32
        velocity = cfg.optimizer.beta * velocity - cfg.optimizer.lr * gradient
        w += velocity
    rmse = float(np.sqrt(np.mean((x[400:] @ w - y[400:]) ** 2)))
    log.info("rmse %.4f with %s", rmse, cfg.optimizer.name)
    folder = Path(HydraConfig.get().runtime.output_dir)
    (folder / "metrics.json").write_text(json.dumps({"rmse": rmse}))


if __name__ == "__main__":
    main()
