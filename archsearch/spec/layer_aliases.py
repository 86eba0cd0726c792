"""The words of torch, Keras and the papers for layers and their fields; part of the tables in aliases.py.

LAYERS["Dense"]        # ("linear",)
FIELDS["filters"]      # ("out_channels",)
"""

from __future__ import annotations

LAYERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Dense", "fc", "fully_connected", "InnerProduct", "mlp"), ("linear",)),
    **dict.fromkeys(("conv", "convolution", "Convolution2D"), ("conv2d", "conv1d")),
    "Convolution1D": ("conv1d",),
    **dict.fromkeys(("BatchNormalization", "batch_norm", "bn", "norm"), ("batch_norm2d", "batch_norm1d")),
    **dict.fromkeys(("LayerNormalization", "ln"), ("layer_norm",)),
    **dict.fromkeys(("GroupNormalization", "gn"), ("group_norm",)),
    **dict.fromkeys(("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"), ("instance_norm",)),
    **dict.fromkeys(("BatchNormalization3D",), ("batch_norm3d",)),
    **dict.fromkeys(("MaxPooling2D", "max_pool", "max_pooling", "pool", "pooling", "pool2d"), ("max_pool2d",)),
    "MaxPooling1D": ("max_pool1d",),
    **dict.fromkeys(
        ("AveragePooling2D", "avg_pool", "average_pool", "mean_pool", "subsampling", "subsample"), ("avg_pool2d",)
    ),
    "AveragePooling1D": ("avg_pool1d",),
    **dict.fromkeys(
        ("GlobalAveragePooling2D", "global_average_pooling", "global_avg_pool", "adaptive_avg_pool", "gap"),
        ("adaptive_avg_pool2d",),
    ),
    "GlobalAveragePooling1D": ("adaptive_avg_pool1d",),
    **dict.fromkeys(("drop", "AlphaDropout"), ("dropout",)),
    **dict.fromkeys(("SpatialDropout2D", "channel_dropout"), ("dropout2d",)),
    **dict.fromkeys(("swish", "swish1"), ("silu",)),
    **dict.fromkeys(("logistic", "sigm"), ("sigmoid",)),
    **dict.fromkeys(("lrelu", "RReLU"), ("leaky_relu",)),
    "clip": ("hardtanh",),
    **dict.fromkeys(("h_swish", "hswish"), ("hardswish",)),
    **dict.fromkeys(("h_sigmoid", "hsigmoid"), ("hard_sigmoid",)),
    **dict.fromkeys(("none", "noop", "no_op", "pass"), ("identity",)),
    **dict.fromkeys(("skip", "shortcut", "resblock", "residual_block", "basic_block", "add"), ("residual", "insert")),
    **dict.fromkeys(("block", "seq", "stack", "ModuleList"), ("sequential", "layers")),
    **dict.fromkeys(
        ("Concatenate", "Inception", "inception_block", "branch", "split"),
        ("parallel", "branches"),
    ),
    **dict.fromkeys(("view", "reshape", "ravel"), ("flatten", "unflatten")),
    **dict.fromkeys(("SqueezeExcitation", "se_block", "squeeze_and_excitation"), ("squeeze_excite",)),
    **dict.fromkeys(("attention", "self_attention", "mha"), ("multihead_attention",)),
    **dict.fromkeys(("transformer", "TransformerEncoder", "encoder_layer"), ("transformer_encoder_layer",)),
    **dict.fromkeys(("pos_embedding", "position_embedding", "positional_embedding"), ("positional_encoding",)),
    **dict.fromkeys(("cls_token",), ("class_token",)),
    **dict.fromkeys(("Conv1DTranspose", "deconv1d"), ("conv_transpose1d",)),
    **dict.fromkeys(("Conv2DTranspose", "deconv2d", "deconvolution"), ("conv_transpose2d",)),
    **dict.fromkeys(("UpSampling2D", "UpsamplingNearest2d", "interpolate"), ("upsample",)),
    **dict.fromkeys(("ZeroPadding2D", "ZeroPad2d", "ZeroPad1d", "ConstantPad1d"), ("zero_pad",)),
    **dict.fromkeys(("depth_to_space",), ("pixel_shuffle",)),
    **dict.fromkeys(("drop_path", "DropPath"), ("stochastic_depth",)),
    **dict.fromkeys(("transpose", "swapaxes"), ("permute",)),
    **dict.fromkeys(("SimpleRNN", "recurrent"), ("rnn",)),
    **dict.fromkeys(("word_embedding", "token_embedding"), ("embedding",)),
}

FIELDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("filters", "num_filters", "n_filters", "nb_filter", "channels", "output_channels", "planes"), ("out_channels",)
    ),
    **dict.fromkeys(
        ("units", "neurons", "nodes", "hidden", "hidden_units", "hidden_dim", "features", "output_dim"),
        ("out_features", "dim_feedforward"),
    ),
    **dict.fromkeys(("width", "n_out", "out", "output_size", "outputs"), ("out_channels", "out_features")),
    **dict.fromkeys(("kernel", "kernels", "filter_size", "ksize", "kernel_shape", "pool_size"), ("kernel_size",)),
    **dict.fromkeys(("size", "window"), ("kernel_size", "output_size")),
    **dict.fromkeys(("strides", "subsample_factor"), ("stride",)),
    **dict.fromkeys(("pad", "pads", "zero_padding"), ("padding",)),
    **dict.fromkeys(("dilation_rate", "atrous_rate"), ("dilation",)),
    **dict.fromkeys(("use_bias", "with_bias", "bias_term"), ("bias",)),
    **dict.fromkeys(("rate", "prob", "probability", "dropout_rate", "drop_rate", "drop_prob"), ("p",)),
    "epsilon": ("eps", "margin"),
    **dict.fromkeys(("scale", "center", "learnable"), ("affine", "elementwise_affine", "log")),
    **dict.fromkeys(("n_groups", "group", "cardinality"), ("num_groups", "groups")),
    **dict.fromkeys(("slope", "leak"), ("negative_slope",)),
    **dict.fromkeys(("project", "downsample"), ("projection", "shortcut")),
    **dict.fromkeys(("skip", "skip_connection", "identity_branch"), ("shortcut",)),
    "hidden_size": ("out_features",),
    **dict.fromkeys(("heads", "n_heads"), ("num_heads", "nhead")),
    **dict.fromkeys(("vocab_size", "input_dim_embedding", "n_tokens"), ("num_embeddings",)),
    **dict.fromkeys(("emb_dim", "embed_dim_out"), ("embedding_dim",)),
    **dict.fromkeys(("return_sequences", "return_all"), ("output",)),
    **dict.fromkeys(("reduction_ratio", "se_ratio"), ("reduction",)),
}
