"""A case by hand for each layer kind that came after the first release: fields, input, output, parameters, MACs."""

from __future__ import annotations

from typing import Any

LATER: dict[str, tuple[dict[str, Any], tuple[int, ...], tuple[int, ...], int, int]] = {
    "relu6": ({}, (5, 3), (5, 3), 0, 0),
    "prelu": ({"num_parameters": 5, "init": 0.1}, (5, 3), (5, 3), 5, 0),
    "hardswish": ({}, (5,), (5,), 0, 0),
    "hard_sigmoid": ({}, (5,), (5,), 0, 0),
    "glu": ({}, (6, 3, 3), (3, 3, 3), 0, 0),
    "rms_norm": ({"per_step": True, "eps": 1e-6}, (7, 9), (7, 9), 9, 0),
    "instance_norm": ({"affine": True}, (7, 4, 4), (7, 4, 4), 14, 0),
    "batch_norm3d": ({}, (7, 2, 3, 3), (7, 2, 3, 3), 14, 0),
    "permute": ({"dims": [2, 3, 1]}, (4, 5, 6), (5, 6, 4), 0, 0),
    "unflatten": ({"unflattened_size": [3, 4]}, (12, 5), (3, 4, 5), 0, 0),
    "zero_pad": ({"padding": [1, 2, 3, 4]}, (2, 5, 5), (2, 5 + 3 + 4, 5 + 1 + 2), 0, 0),
    "select_channels": ({"channels": [3, 0]}, (4, 5), (2, 5), 0, 0),
    "select_step": ({"step": -1}, (4, 5), (5,), 0, 0),
    "upsample": ({"scale_factor": 3, "mode": "bilinear"}, (2, 4, 5), (2, 12, 15), 0, 0),
    "pixel_shuffle": ({"upscale_factor": 2}, (8, 3, 3), (2, 6, 6), 0, 0),
    # a coefficient and a bias for each of 6 maps, as S2 of LeNet-5
    "scaled_avg_pool2d": ({"kernel_size": 2}, (6, 28, 28), (6, 14, 14), 12, 0),
    # 2->4 of 3x1x1: 24 + 4; 4*3*5*5 outputs * 6
    "conv3d": (
        {"out_channels": 4, "kernel_size": [3, 1, 1], "padding": [1, 0, 0]},
        (2, 3, 5, 5),
        (4, 3, 5, 5),
        28,
        300 * 6,
    ),
    "max_pool3d": ({"kernel_size": 2}, (2, 4, 6, 6), (2, 2, 3, 3), 0, 0),
    "avg_pool3d": ({"kernel_size": [1, 2, 2]}, (2, 4, 6, 6), (2, 4, 3, 3), 0, 0),
    "adaptive_avg_pool3d": ({"output_size": 1}, (2, 4, 6, 6), (2, 1, 1, 1), 0, 0),
    # (9 - 1) * 2 - 2 * 1 + 3 - 1 + 1 + 1 = 18; 4 * 6/2 * 3 + 6 = 42; each of 4*9 inputs meets 6/2 * 3 weights
    "conv_transpose1d": (
        {"out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1, "groups": 2},
        (4, 9),
        (6, 18),
        42,
        36 * 9,
    ),
    # 4 * 3 * 4 + 3 = 51; 4*5*5 inputs * 3 * 4
    "conv_transpose2d": ({"out_channels": 3, "kernel_size": 2, "stride": 2}, (4, 5, 5), (3, 10, 10), 51, 100 * 12),
    # 16 -> 4 -> 16: 64 + 4 + 64 + 16
    "squeeze_excite": ({"reduction": 4, "activation": "silu"}, (16, 5, 5), (16, 5, 5), 148, 128),
    "layer_scale": ({"init": 0.1}, (6, 4, 4), (6, 4, 4), 6, 0),
    "stochastic_depth": ({"p": 0.3}, (6, 4), (6, 4), 0, 0),
    # two directions, two layers: 4*5*(3 + 5) and 4*5*(10 + 5) weights each; 2 * 4*5 biases each
    "lstm": (
        {"hidden_size": 5, "num_layers": 2, "bidirectional": True, "dropout": 0.2},
        (7, 3),
        (10,),
        2 * (160 + 300 + 80),
        7 * 2 * (160 + 300),
    ),
    "gru": ({"hidden_size": 5, "output": "all"}, (7, 3), (7, 5), 3 * 5 * 8 + 30, 7 * 120),
    "rnn": ({"hidden_size": 5, "nonlinearity": "relu", "bias": False}, (7, 3), (5,), 40, 280),
    "embedding": ({"num_embeddings": 11, "embedding_dim": 4, "padding_idx": 0}, (6,), (6, 4), 44, 0),
    # 4 * 8 * 8 + 4 * 8; 6 steps: 4 * 6 * 64 for the linear maps, 2 * 36 * 8 for products and mixtures
    "multihead_attention": ({"num_heads": 2}, (6, 8), (6, 8), 288, 1536 + 576),
    # attention 288; 8 -> 16 -> 8: 256 + 24; two norms 32; MACs as above and 2 * 6 * 8 * 16
    "transformer_encoder_layer": (
        {"nhead": 2, "dim_feedforward": 16, "activation": "gelu", "norm_first": True},
        (6, 8),
        (6, 8),
        288 + 280 + 32,
        2112 + 1536,
    ),
    "positional_encoding": ({"learned": True}, (6, 8), (6, 8), 48, 0),
    "class_token": ({}, (6, 8), (7, 8), 8, 0),
}
