"""The study by Keras Tuner on jax: one process, which uses all cores.

`python -m benchmarks.peers.study_keras_tuner asked.json`
"""

from __future__ import annotations

import os
import time
from typing import Any

os.environ |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}

import keras
import keras_tuner

from benchmarks.peers.asked import Trial, read_asked

SEEN: list[Trial] = []  # a tuner copies its callbacks for each trial, so they write here


class Note(keras.callbacks.Callback):
    """Note when a trial's training began and what came of it."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.began = time.time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.last = logs

    def on_train_end(self, logs: Any = None) -> None:
        SEEN.append(Trial(self.last["loss"], self.last["val_accuracy"], self.began, time.time()))


def main() -> None:
    """Run the study and write the answer."""
    asked = read_asked()
    images, labels = asked.arrays()
    x = images.reshape(-1, 32, 32, 1).astype("float32") / 255  # channels last, as jax has it
    n = asked.train

    def build(values: keras_tuner.HyperParameters) -> keras.Model:
        network = asked.networks[values.Choice("network", list(range(len(asked.networks))))]
        keras.utils.set_random_seed(0)
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((32, 32, 1)),
                layers.Conv2D(network["conv1.out_channels"], network["conv1.kernel_size"], activation="tanh"),
                layers.AveragePooling2D(2),
                layers.Conv2D(network["conv2.out_channels"], network["conv2.kernel_size"], activation="tanh"),
                layers.AveragePooling2D(2),
                layers.Flatten(),
                layers.Dense(network["fc1.out_features"], activation="tanh"),
                layers.Dense(10),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(asked.lr), loss, metrics=["accuracy"])
        return model

    tuner = keras_tuner.GridSearch(
        build, objective="val_accuracy", max_trials=len(asked.networks), directory="keras_tuner", overwrite=True
    )
    tuner.search(
        *(x[:n], labels[:n]),
        validation_data=(x[n:], labels[n:]),
        epochs=asked.epochs,
        batch_size=asked.batch,
        verbose=0,
        callbacks=[Note()],
    )
    print(tuner.oracle.get_best_trials(1)[0].score)
    asked.answer(SEEN)


if __name__ == "__main__":
    main()
