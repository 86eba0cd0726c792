"""Training scripts as people write them, each in the way of another library; those that need nothing are run, too."""

from __future__ import annotations

# After the example that most people begin with: argparse, `.format`, counts before the per cent.
MNIST = r"""
import argparse
import math
import random


def train(args, epoch):
    for batch_idx in range(0, 30):
        loss = math.exp(-args.lr * (epoch + batch_idx / 30)) + 0.01 * random.random()
        if batch_idx % args.log_interval == 0:
            print('Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}'.format(
                epoch, batch_idx * args.batch_size, 60000, 100. * batch_idx / 30, loss))


def test(args, epoch):
    correct = 9000 + int(500 * args.lr) + random.randrange(100)
    test_loss = 1.0 / (1 + epoch) + args.dropout
    print('\nTest set: Average loss: {:.4f}, Accuracy: {}/{} ({:.2f}%)\n'.format(
        test_loss, correct, 10000, 100. * correct / 10000))


def main():
    parser = argparse.ArgumentParser(description='Example')
    parser.add_argument('--batch-size', type=int, default=64, metavar='N',
                        help='input batch size for training (default: 64)')
    parser.add_argument('--epochs', type=int, default=2, metavar='N')
    parser.add_argument('--lr', type=float, default=0.5, metavar='LR', help='learning rate (default: 0.5)')
    group = parser.add_argument_group('regularisation')
    group.add_argument('--dropout', type=float, default=0.)
    group.add_argument('--no-augment', action='store_true', default=False)
    parser.add_argument('--seed', type=int, default=1, metavar='S')
    parser.add_argument('--log-interval', type=int, default=10, metavar='N')
    parser.add_argument('--save-model', action='store_true', default=False)
    args = parser.parse_args()
    random.seed(args.seed)
    for epoch in range(1, args.epochs + 1):
        train(args, epoch)
        test(args, epoch)


if __name__ == '__main__':
    main()
"""

# Sub-commands, choices, a switch with its opposite, a list, a result file in a folder of one's own.
SUBCOMMANDS = r"""
import argparse, json, os, random
DEFAULT_LR = 3e-4
def get_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", "--verbose", action="count", default=0)
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("train", help="train it")
    fit.add_argument("data", help="where the data are")
    fit.add_argument("-o", "--output-dir", default="results")
    fit.add_argument("--learning_rate", "--lr", type=float, default=DEFAULT_LR)
    fit.add_argument("--norm", choices=["batch", "layer", "none"], default="batch")
    fit.add_argument("--hidden", type=int, nargs="+", default=[32, 32])
    fit.add_argument("--ema", action=argparse.BooleanOptionalAction, default=True)
    fit.add_argument("--amp", type=bool, default=False)
    fit.add_argument("--random-seed", type=int, default=None)
    score = commands.add_parser("eval")
    score.add_argument("--checkpoint", required=True)
    return parser.parse_args()
def main():
    args = get_args()
    rng = random.Random(args.random_seed)
    result = {"config": vars(args), "test": {"accuracy": 0.8 + rng.random() / 10, "f1": 0.7}}
    result["seconds"] = 1.0
    os.makedirs(args.output_dir, exist_ok=True)
    with open(os.path.join(args.output_dir, "metrics.json"), "w") as f:
        json.dump(result, f, indent=2)
main()
"""

CLICK = r"""
import json
import click
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score

@click.command()
@click.argument("csv_path", type=click.Path(exists=True))
@click.option("--n-estimators", "-n", default=100, show_default=True, help="Number of trees.")
@click.option("--criterion", type=click.Choice(["gini", "entropy"]), default="gini")
@click.option("--max-depth", type=int, default=None)
@click.option("--bootstrap/--no-bootstrap", default=True)
@click.option("--random-state", default=0)
@click.option("--out", type=click.Path(), default="scores.json")
def main(csv_path, n_estimators, criterion, max_depth, bootstrap, random_state, out):
    model = RandomForestClassifier(n_estimators, criterion=criterion, random_state=random_state).fit(X, y)
    pred = model.predict(X_test)
    acc = accuracy_score(y_test, pred)
    click.echo(f"accuracy: {acc:.2%}")
    with open(out, "w") as f:
        json.dump({"accuracy": acc, "macro_f1": f1_score(y_test, pred, average="macro")}, f)

if __name__ == "__main__":
    main()
"""

TYPER = r'''
import random
from typing import Annotated, Literal
import typer

app = typer.Typer()

@app.command()
def main(
    lr: float = 0.1,
    width: Annotated[int, typer.Option(help="Width of the hidden layer.")] = 16,
    activation: Literal["relu", "tanh"] = "relu",
    augment: bool = False,
    seed: int = 0,
):
    """Train it."""
    random.seed(seed)
    loss = (lr - 0.3) ** 2 + random.random() / width
    typer.echo(f"final val_loss={loss:.5f}")

if __name__ == "__main__":
    app()
'''

FIRE = r"""
import fire
import numpy as np

class Trainer:
    def __init__(self, lr=1e-2, optimizer="sgd", nesterov=False):
        self.lr = lr

    def fit(self, epochs: int = 5, seed: int = 0, out_dir="out"):
        np.random.seed(seed)
        for epoch in range(epochs):
            val_acc = evaluate(self)
            print("epoch", epoch, "val_acc", round(val_acc, 4))

    def predict(self, path):
        pass

if __name__ == "__main__":
    fire.Fire(Trainer)
"""

ABSL = r"""
from absl import app, flags, logging
FLAGS = flags.FLAGS
flags.DEFINE_float("learning_rate", 0.001, "The learning rate.")
flags.DEFINE_integer("seed", 42, "Seed of everything.")
flags.DEFINE_enum("optimizer", "adam", ["adam", "sgd"], "The optimizer.")
flags.DEFINE_boolean("use_batch_norm", True, "Whether to use batch normalisation.")
flags.DEFINE_string("workdir", None, "Where to write.")
flags.DEFINE_list("layers", ["64", "64"], "Widths.")
flags.mark_flag_as_required("workdir")

def main(_):
    for step in range(10):
        logging.info("step %d train_loss %.4f eval_accuracy %.4f", step, loss, 100 * acc)

if __name__ == "__main__":
    app.run(main)
"""

ENVIRONMENT = r"""
import os, random
lr = float(os.environ.get("LR", "0.1"))
hidden = int(os.getenv("HIDDEN", 32))
seed = int(os.environ["SEED"])
device = os.environ.get("CUDA_VISIBLE_DEVICES", "")
random.seed(seed)
for step in range(3):
    loss = (lr - 0.3) ** 2 + random.random() / hidden / (step + 1)
    print("step", step, "loss", loss)
"""

HYDRA = r"""
import hydra
from omegaconf import DictConfig

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> float:
    print(f"test_accuracy={accuracy}")

if __name__ == "__main__":
    main()
"""
HYDRA_FILES = {
    "conf/config.yaml": "defaults:\n  - model: mlp\n  - _self_\n\nlr: 0.1\nseed: 0\ntrainer:\n  max_epochs: 3\n"
    "  logger: ${name}\nname: first\n",
    "conf/model/mlp.yaml": "_target_: models.MLP\nhidden_dim: 64\ndropout: 0.1\n",
    "conf/model/cnn.yaml": "_target_: models.CNN\nchannels: 16\n",
}

CONFIG = r"""
import argparse, json, random
parser = argparse.ArgumentParser()
parser.add_argument("--config", default="config.json")
args = parser.parse_args()
config = json.load(open(args.config))
random.seed(config["seed"])
loss = (config["optim"]["lr"] - 0.3) ** 2 + random.random() * config["dropout"]
print(f"loss: {loss}")
"""
CONFIG_FILES = {"config.json": '{"seed": 0, "optim": {"lr": 0.1, "momentum": 0.9}, "dropout": 0.2, "amp": true}\n'}

TRANSFORMERS = r"""
from dataclasses import dataclass, field
from transformers import HfArgumentParser, Trainer, TrainingArguments, set_seed

@dataclass
class ModelArguments:
    model_name_or_path: str = field(metadata={"help": "Path to pretrained model."})
    use_fast_tokenizer: bool = field(default=True, metadata={"help": "Whether to use a fast one."})

def main():
    parser = HfArgumentParser((ModelArguments, TrainingArguments))
    model_args, training_args = parser.parse_args_into_dataclasses()
    set_seed(training_args.seed)
    trainer = Trainer(args=training_args)
    metrics = trainer.evaluate()
    trainer.log_metrics("eval", metrics)
    trainer.save_metrics("eval", metrics)
"""

TYRO = r'''
from dataclasses import dataclass
import tyro

@dataclass
class Optim:
    lr: float = 2.5e-4
    """learning rate"""

@dataclass
class Args:
    optim: Optim
    seed: int = 1
    total_timesteps: int = 500000
    anneal_lr: bool = True
    track: bool = False

args = tyro.cli(Args)
for iteration in range(9):
    print(f"global_step={iteration}, episodic_return={rewards}")
'''

ARGV = r"""
import sys, random
lr = float(sys.argv[1])
seed = int(sys.argv[2])
random.seed(seed)
print("error rate %.4f%%" % (100 * random.random() * lr))
"""

# No seed anywhere, but one that is written into it; the numbers go to a table.
KERAS = r"""
import keras
from keras import layers
keras.utils.set_random_seed(7)
model = keras.Sequential([layers.Dense(10)])
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x, y, batch_size=128, epochs=15, validation_split=0.1, callbacks=[keras.callbacks.CSVLogger("log.csv")])
score = model.evaluate(x_test, y_test, verbose=0)
print("Test loss:", score[0])
print("Test accuracy:", score[1])
"""

CONFIGURATOR = r"""
out_dir = 'out'
learning_rate = 6e-4 # max learning rate
max_iters = 600000
dropout = 0.0
compile = True
config_keys = [k for k,v in globals().items()]
exec(open('configurator.py').read()) # overrides from command line
best_val_loss = 1e9
torch.manual_seed(1337)
while True:
    print(f"step {iter_num}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
    if iter_num > max_iters:
        print(f"iter {iter_num}: loss {lossf:.4f}, time {dt*1000:.2f}ms")
"""

LIGHTNING = r"""
from lightning.pytorch.cli import LightningCLI
import lightning as L

class Net(L.LightningModule):
    def __init__(self, lr: float = 1e-3, width: int = 64):
        super().__init__()
    def validation_step(self, batch):
        self.log("val_acc", acc)

if __name__ == "__main__":
    LightningCLI(Net)
"""

# The validation table is written row by row; a meter is printed with its value and its average.
TABLE = r"""
import argparse, csv, sys
from pathlib import Path
p = argparse.ArgumentParser()
p.add_argument("--save-dir", type=Path, default=Path("runs"))
p.add_argument("--wd", "--weight-decay", type=float, default=0.)
p.add_argument("--arch", default="resnet18")
p.add_argument("--seed", default="0", type=int)
args = p.parse_args()
with open(args.save_dir / "log.csv", "w", newline="") as f:
    writer = csv.DictWriter(f, fieldnames=["epoch", "train_loss", "val_mae"])
    for epoch in range(2):
        print(f"Epoch: [{epoch}]  Acc@1 {top1.val:6.2f} ({top1.avg:6.2f})  Time {t.val:.3f} ({t.avg:.3f})", flush=True)
        if loss > 1e6:
            print("Loss is {}, stopping".format(loss))
            sys.exit(1)
"""

BARE = r"""
import random
random.seed(3)
print("accuracy", random.random())
"""
