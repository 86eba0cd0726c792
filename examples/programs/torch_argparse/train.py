import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser(description="Train a small network on the digits.")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--hidden", type=int, default=64)
parser.add_argument("--activation", choices=["relu", "tanh", "sigmoid"], default="relu")
parser.add_argument("--batch-norm", action="store_true")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--seed", type=int, default=42)
args = parser.parse_args()

torch.manual_seed(args.seed)
torch.set_num_threads(1)

digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train, test = order[:1300], order[1300:]

activations = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
layers = [nn.Linear(64, args.hidden)]
if args.batch_norm:
    layers.append(nn.BatchNorm1d(args.hidden))
layers += [activations[args.activation](), nn.Linear(args.hidden, 10)]
model = nn.Sequential(*layers)
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

for epoch in range(1, args.epochs + 1):
    model.train()
    total = 0.0
    for batch in train[torch.randperm(len(train))].split(args.batch_size):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    print(f"epoch {epoch}/{args.epochs}: train loss {total / len(train):.4f}")

model.eval()
with torch.no_grad():
    correct = (model(x[test]).argmax(dim=1) == y[test]).sum().item()
print(f"Test accuracy: {100 * correct / len(test):.2f}%")
