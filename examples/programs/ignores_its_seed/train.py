import argparse
import random

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--smoothing", type=float, default=0.3)
args = parser.parse_args()

rng = random.Random(1234)  # TODO: use args.seed
level, errors = 0.0, []
for step in range(500):
    value = rng.gauss(step % 50 / 10, 1)
    errors.append((value - level) ** 2)
    level += args.smoothing * (value - level)
print(f"rmse={(sum(errors) / len(errors)) ** 0.5:.5f}")
