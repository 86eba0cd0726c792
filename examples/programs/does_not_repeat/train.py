import argparse
import random

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--samples", type=int, default=200)
args = parser.parse_args()

random.seed(args.seed)
slope = random.uniform(1, 2)
data = [(x := random.random(), slope * x + random.gauss(0, 0.1)) for _ in range(args.samples)]

augment = random.Random()  # its seed comes from the operating system: other noise in every run
weight = 0.0
for x, y in data:
    x += augment.gauss(0, 0.01)
    weight += 0.3 * (y - weight * x) * x
print(f"error={abs(weight - slope):.5f}")
