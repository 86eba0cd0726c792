"""The names that a layer cannot have: kinds of the first release, words of specs, what `nn.Sequential` calls its own.

"relu" in RESERVED_NAMES
"""

from __future__ import annotations

# An address such as `tanh` means all layers of a kind. Kinds that came later are not among them: a layer of an older
# spec may be called so, and where a name and a kind are the same word it is the name that is meant.
_KINDS = (
    "conv1d", "conv2d", "max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d",
    "adaptive_avg_pool2d", "flatten", "linear", "batch_norm1d", "batch_norm2d", "layer_norm", "group_norm", "dropout",
    "dropout2d", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardtanh", "sigmoid", "softplus",
    "softmax", "log_softmax", "identity", "sequential", "residual", "parallel",
)  # fmt: skip
_WORDS_OF_SPECS = (
    "name", "summary", "extends", "edits", "data", "network", "train", "documented", "expect", "source", "departures",
    "layers", "lint", "projection",
)  # fmt: skip
# What `nn.Sequential` calls its own: torch refuses a child of such a name.
_WORDS_OF_TORCH = (
    "add_module", "append", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu", "cuda",
    "double", "dump_patches", "eval", "extend", "extra_repr", "float", "forward", "get_buffer", "get_extra_state",
    "get_parameter", "get_submodule", "half", "insert", "ipu", "load_state_dict", "modules", "mtia", "named_buffers",
    "named_children", "named_modules", "named_parameters", "parameters", "pop", "register_backward_hook",
    "register_buffer", "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "register_full_backward_pre_hook", "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_module", "register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook",
    "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "to", "to_empty", "training",
    "type", "xpu", "zero_grad",
)  # fmt: skip
RESERVED_NAMES = frozenset((*_KINDS, *_WORDS_OF_SPECS, *_WORDS_OF_TORCH))
