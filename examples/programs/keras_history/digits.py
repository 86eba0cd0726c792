"""python digits.py --optimizer adam --seed 1 --out runs/1"""
import argparse
import json
import os

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--optimizer", default="adam")
parser.add_argument("--units", type=int, default=32)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default="out")
args = parser.parse_args()

keras.utils.set_random_seed(args.seed)
x, y = load_digits(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(x / 16, y, random_state=args.seed)

model = keras.Sequential([keras.Input((64,)), layers.Dense(args.units, activation="relu"), layers.Dense(10)])
model.compile(args.optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])

os.makedirs(args.out, exist_ok=True)
history = model.fit(
    x_train, y_train, validation_data=(x_val, y_val), epochs=args.epochs, batch_size=64, verbose=0,
    callbacks=[keras.callbacks.CSVLogger(os.path.join(args.out, "training.log"))],
)
with open(os.path.join(args.out, "history.json"), "w") as f:
    json.dump(history.history, f)
