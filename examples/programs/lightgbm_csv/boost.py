import argparse
import csv
import os

import lightgbm as lgb
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--num_leaves", type=int, default=15)
    p.add_argument("--learning_rate", type=float, default=0.2)
    p.add_argument("--rounds", type=int, default=20)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--logdir", default="logs")
    a = p.parse_args()

    X, y = make_classification(1500, 20, n_informative=8, flip_y=0.05, random_state=a.seed)
    X_train, X_valid, y_train, y_valid = train_test_split(X, y, random_state=a.seed)
    history = {}
    booster = lgb.train(
        dict(objective="binary", num_leaves=a.num_leaves, learning_rate=a.learning_rate, seed=a.seed,
             num_threads=1, verbosity=-1, deterministic=True, force_row_wise=True),
        lgb.Dataset(X_train, y_train),
        num_boost_round=a.rounds,
        valid_sets=[lgb.Dataset(X_valid, y_valid)],
        valid_names=["valid"],
        callbacks=[lgb.record_evaluation(history)],
    )

    os.makedirs(a.logdir, exist_ok=True)
    with open(os.path.join(a.logdir, "history.csv"), "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["round", "valid_logloss"])
        w.writerows(enumerate(history["valid"]["binary_logloss"], start=1))
    with open(os.path.join(a.logdir, "final.csv"), "w") as f:
        auc = roc_auc_score(y_valid, booster.predict(X_valid))
        f.write(f"rounds;auc\n{a.rounds};{np.round(auc, 6)}\n")


main()
