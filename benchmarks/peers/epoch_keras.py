"""An epoch by Keras, on torch or on jax: the same layers with the same initial weights, translated.

The process's KERAS_BACKEND says which. The layout is what suits each: channels first on torch, last on jax. A step of
every size of batch compiles first, after which weights and optimiser are put back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archsearch.spec.layers.convolution import Conv2d
from archsearch.spec.layers.dense import Flatten, Linear
from archsearch.spec.layers.normalization import BatchNorm2d, Dropout
from archsearch.spec.layers.pooling import AvgPool2d, MaxPool2d
from archsearch.spec.network import PlannedLayer
from benchmarks.peers.epoch_asked import EpochAsked, Learned

if TYPE_CHECKING:
    import keras

ACTIVATIONS = ("tanh", "relu", "softmax")


def not_translated(rows: Sequence[PlannedLayer]) -> str | None:
    """Say which layer there is no translation of; None where there is one of each."""
    bad = [f"{row.name} ({row.layer.kind})" for row in rows if not _known(row)]
    return f"no translation of {', '.join(bad)}" if bad else None


def _known(row: PlannedLayer) -> bool:
    layer = row.layer
    if isinstance(layer, Conv2d):
        return layer.groups == 1 and _padding(row) is not None
    if isinstance(layer, AvgPool2d | MaxPool2d):
        return layer.padding == (0, 0) and not layer.ceil_mode and getattr(layer, "dilation", (1, 1)) == (1, 1)
    if isinstance(layer, Flatten):
        return len(row.output_shape) == 1
    if isinstance(layer, BatchNorm2d):
        return layer.affine
    return isinstance(layer, Linear | Dropout) or layer.kind in ACTIVATIONS


def _padding(row: PlannedLayer) -> str | None:
    layer = row.layer
    assert isinstance(layer, Conv2d)
    if layer.padding == (0, 0):
        return "valid"
    return "same" if layer.stride == (1, 1) and row.output_shape[1:] == row.input_shape[1:] else None


def translated(row: PlannedLayer) -> keras.layers.Layer:
    """Give Keras's layer for a planned one that `not_translated` does not name."""
    from keras import config, layers

    layer = row.layer
    if isinstance(layer, Conv2d):
        padding, dilation = _padding(row), layer.dilation
        return layers.Conv2D(
            layer.width, layer.kernel_size, layer.stride, padding, dilation_rate=dilation, use_bias=layer.bias
        )
    if isinstance(layer, AvgPool2d | MaxPool2d):
        kind = layers.AveragePooling2D if isinstance(layer, AvgPool2d) else layers.MaxPooling2D
        kernel, stride, *_ = layer.window()
        return kind(kernel, stride)
    if isinstance(layer, Flatten):
        return layers.Flatten("channels_last")  # as it lies: for channels first it would turn every map around
    if isinstance(layer, Linear):
        return layers.Dense(row.output_shape[-1], use_bias=layer.bias)
    if isinstance(layer, BatchNorm2d):
        axis = 1 if config.image_data_format() == "channels_first" else -1
        return layers.BatchNormalization(axis=axis, momentum=1 - layer.momentum, epsilon=layer.eps)
    if isinstance(layer, Dropout):
        return layers.Dropout(layer.p)
    return layers.Activation(layer.kind)


def model_of(asked: EpochAsked) -> keras.Model:
    """Build the network from the planned rows, with the weights of torch's modules."""
    import keras

    first = keras.config.image_data_format() == "channels_first"
    shape = asked.rows[0].input_shape
    built = [translated(row) for row in asked.rows]
    model = keras.Sequential([keras.Input(shape if first else (*shape[1:], shape[0])), *built])
    folded: tuple[int, ...] = ()
    for row, layer, module in zip(asked.rows, built, asked.model.children(), strict=True):
        if isinstance(row.layer, Flatten):
            folded = row.input_shape
        if values := [value.numpy() for name, value in module.state_dict().items() if name != "num_batches_tracked"]:
            if values[0].ndim == 4:  # out, in, height, width -> height, width, in, out
                values[0] = values[0].transpose(2, 3, 1, 0)
            elif values[0].ndim == 2:
                if len(folded) == 3 and not first:  # what is flattened comes in the order height, width, channels
                    values[0] = values[0].reshape(-1, *folded).transpose(0, 2, 3, 1).reshape(len(values[0]), -1)
                values[0], folded = values[0].T, ()
            layer.set_weights(values)
    return model


def by_keras(asked: EpochAsked) -> Learned:
    """Train one epoch by `fit`."""
    import keras
    import numpy as np

    on_torch = keras.backend.backend() == "torch"
    keras.config.set_image_data_format("channels_first" if on_torch else "channels_last")

    def laid_out(images: Any) -> Any:
        return images.numpy() if on_torch else np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())

    x, y = laid_out(asked.x), asked.y.numpy()
    model = model_of(asked)
    # the loss is of what the network gives, also where that is a softmax already
    model.compile(
        keras.optimizers.Adam(asked.lr, epsilon=1e-8), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    weights = model.get_weights()
    start = time.perf_counter()
    for size in asked.sizes:
        model.fit(x[:size], y[:size], batch_size=asked.batch, epochs=1, verbose=0)
    compiling = time.perf_counter() - start
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        if variable is not model.optimizer.learning_rate:
            variable.assign(np.zeros(variable.shape, variable.dtype))
    start = time.perf_counter()
    history = model.fit(x, y, batch_size=asked.batch, epochs=1, verbose=0).history
    seconds = time.perf_counter() - start
    held = model.predict(laid_out(asked.x_held), batch_size=1000, verbose=0).argmax(1)
    return Learned(seconds, history["loss"][0], float((held == asked.y_held.numpy()).mean()), compiling)
