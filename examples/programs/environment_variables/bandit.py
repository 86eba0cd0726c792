# SEED=3 STRATEGY=greedy EPSILON=0.1 python bandit.py
import os
import random

seed = int(os.environ.get("SEED", "0"))
strategy = os.environ.get("STRATEGY", "epsilon_greedy")
epsilon = float(os.environ.get("EPSILON", "0.1"))
pulls = int(os.environ.get("PULLS", "3000"))

rng = random.Random(seed)
arms = [rng.gauss(0, 1) for _ in range(10)]
count, mean, total = [0] * 10, [0.0] * 10, 0.0

for pull in range(pulls):
    explores = strategy == "epsilon_greedy" and rng.random() < epsilon
    arm = rng.randrange(10) if explores or strategy == "random" else mean.index(max(mean))
    reward = rng.gauss(arms[arm], 1)
    count[arm] += 1
    mean[arm] += (reward - mean[arm]) / count[arm]
    total += reward
    if pull % 1000 == 999:
        print("pulls", pull + 1, "reward", round(total / (pull + 1), 4))

print("regret per pull:", round(max(arms) - total / pulls, 5))
