"""The words of torch, Keras, Optuna and the papers for what a spec calls otherwise: literal tables, nothing else.

    MEANS["learning_rate"]        # ("lr",): what to write, the first that is allowed where the word stands
    INSTEAD["in_channels"]        # a sentence, where nothing can be written for the word
    PLACED["lr"]                  # ("optimizer", how that is written), where it stands

Words are compared without case, `_`, `-` and a module before a dot: `nn.BatchNorm2d` needs no entry. A word that means
different things in different places has several targets. nearest.py looks things up.
"""

from __future__ import annotations

from archsearch.spec.layer_aliases import FIELDS, LAYERS

# -- data and training -------------------------------------------------------------------------------------------------

_DATA: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("dataset", "data_set", "datasets"), ("data", "name")),
    **dict.fromkeys(("root", "dir", "data_dir", "directory", "file", "filename", "source_path"), ("path",)),
    **dict.fromkeys(("image_size", "img_size", "input_size", "resize", "resolution"), ("size",)),
    **dict.fromkeys(("gray", "grey", "greyscale", "to_gray", "grey_scale"), ("grayscale",)),
    **dict.fromkeys(("target_transform", "scale_targets", "standardize_targets"), ("normalize_targets",)),
    **dict.fromkeys(("normalise", "standardize", "standardise", "normalization", "rescale"), ("normalize",)),
    **dict.fromkeys(
        ("val", "valid", "validation_split", "val_split", "val_size", "val_fraction", "valid_size", "dev"),
        ("validation",),
    ),
    **dict.fromkeys(("max_samples", "n_samples", "num_samples", "subset", "subset_size"), ("limit",)),
    **dict.fromkeys(("augmentation", "augmentations", "data_augmentation", "transform", "transforms"), ("augment",)),
    **dict.fromkeys(("random_crop", "pad_and_crop"), ("crop",)),
    **dict.fromkeys(("random_horizontal_flip", "horizontal_flip", "hflip", "vflip", "mirror", "fliplr"), ("flip",)),
    **dict.fromkeys(("random_rotation", "rotation", "rotate_range"), ("rotate",)),
    **dict.fromkeys(("translate", "translation", "random_affine", "random_shift"), ("shift",)),
    **dict.fromkeys(("angle", "max_degrees", "degree"), ("degrees",)),
    **dict.fromkeys(("pixel", "amount", "max_pixels"), ("pixels",)),
    **dict.fromkeys(("left_right", "lr_flip", "h"), ("horizontal",)),
    **dict.fromkeys(("up_down", "upside_down", "v"), ("vertical",)),
    **dict.fromkeys(("imagefolder", "images", "image_folder"), ("folder",)),
    **dict.fromkeys(("numpy", "npy", "arrays"), ("npz",)),
    **dict.fromkeys(("hf", "datasets", "load_from_disk"), ("huggingface",)),
    **dict.fromkeys(("image", "image_column", "input_column"), ("input",)),
    **dict.fromkeys(("target_column", "label_column", "label"), ("target",)),
    "fmnist": ("fashion_mnist",),
    "cifar": ("cifar10",),
}

_TRAINING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("learning_rate", "base_lr", "initial_lr", "eta", "step_length"), ("lr", "reduction_factor")),
    **dict.fromkeys(("optim", "optimiser", "solver", "update_rule"), ("optimizer",)),
    **dict.fromkeys(("lr_scheduler", "scheduler", "lr_schedule", "sched", "lr_policy"), ("schedule", "pruner")),
    **dict.fromkeys(("criterion", "loss_fn", "loss_function", "cost"), ("loss",)),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs", "nb_epoch"), ("epochs",)),
    **dict.fromkeys(("bs", "batch", "mini_batch", "minibatch_size", "train_batch_size"), ("batch_size",)),
    **dict.fromkeys(
        ("grad_clip", "clip_norm", "gradient_clip", "gradient_clip_val", "max_grad_norm", "max_norm", "clip_grad"),
        ("clip_grad_norm",),
    ),
    **dict.fromkeys(("early_stop", "callbacks"), ("early_stopping",)),
    **dict.fromkeys(("swa", "weight_averaging", "average_weights", "averaging", "model_averaging"), ("average",)),
    **dict.fromkeys(("ema_decay", "model_ema", "weight_ema", "polyak", "moving_average"), ("ema",)),
    **dict.fromkeys(
        ("gradient_accumulation", "gradient_accumulation_steps", "accumulate_grad_batches", "accumulation_steps"),
        ("accumulate",),
    ),
    **dict.fromkeys(("WeightedRandomSampler", "weighted_sampler", "class_balanced"), ("sampler", "balanced")),
    **dict.fromkeys(("noisy_labels", "label_noise_rate", "noise_rate"), ("label_noise",)),
    "mixup_alpha": ("mixup",),
    "cutmix_alpha": ("cutmix",),
    **dict.fromkeys(("accelerator", "use_cuda", "use_gpu"), ("device",)),
    "gpu": ("cuda", "device"),
    **dict.fromkeys(("amp", "mixed_precision", "dtype", "autocast"), ("precision",)),
    **dict.fromkeys(("float32", "single", "full"), ("fp32", "full_factorial")),
    "bfloat16": ("bf16",),
    **dict.fromkeys(("float16", "half"), ("fp16",)),
    **dict.fromkeys(("backend", "framework"), ("engine",)),
    **dict.fromkeys(("l2_regularization", "wd", "l2_penalty", "decay", "kernel_regularizer"), ("weight_decay",)),
    **dict.fromkeys(("beta", "beta1", "beta_1", "beta2", "beta_2"), ("betas",)),
    "rho": ("alpha",),
    **dict.fromkeys(("smoothing", "smooth"), ("label_smoothing",)),
    **dict.fromkeys(("warmup", "warmup_steps", "n_warmup_steps", "warm_up"), ("warmup_epochs",)),
    **dict.fromkeys(("delta", "tolerance", "tol"), ("min_delta", "margin")),
    **dict.fromkeys(("SGDM", "momentum_sgd"), ("sgd",)),
    **dict.fromkeys(("adam_weight_decay", "AdamWeightDecay"), ("adamw",)),
    **dict.fromkeys(("StepLR", "staircase"), ("step",)),
    **dict.fromkeys(("MultiStepLR", "multi_step_lr", "piecewise_constant"), ("multi_step",)),
    **dict.fromkeys(("ExponentialLR", "exponential_lr", "exponential_decay", "exp_decay"), ("exponential",)),
    **dict.fromkeys(("ReduceLROnPlateau", "reduce_on_plateau", "reduce_lr_on_plateau"), ("plateau",)),
    **dict.fromkeys(("boundaries", "steps"), ("milestones",)),
    **dict.fromkeys(("CosineAnnealingLR", "cosine_annealing", "cosine_decay", "cos"), ("cosine",)),
    **dict.fromkeys(("OneCycleLR", "cyclic"), ("one_cycle",)),
    **dict.fromkeys(("fixed", "const", "no_schedule"), ("constant",)),
    **dict.fromkeys(("eta_min", "min_lr", "alpha_f"), ("final_fraction",)),
    **dict.fromkeys(("lr_decay", "decay_rate", "factor"), ("gamma",)),
    **dict.fromkeys(("decay_steps", "drop_every"), ("step_size",)),
    **dict.fromkeys(
        ("CrossEntropyLoss", "ce", "xent", "categorical_crossentropy", "sparse_categorical_crossentropy", "log_loss"),
        ("cross_entropy",),
    ),
    **dict.fromkeys(("NLLLoss", "negative_log_likelihood"), ("nll",)),
    **dict.fromkeys(("BCEWithLogitsLoss", "binary_crossentropy", "bce_with_logits", "BCELoss"), ("bce",)),
    **dict.fromkeys(("focal_loss", "FocalLoss", "sigmoid_focal_loss"), ("focal",)),
    **dict.fromkeys(("pinball", "pinball_loss", "quantile_loss"), ("quantile",)),
    **dict.fromkeys(("poisson", "PoissonNLLLoss"), ("poisson_nll",)),
    **dict.fromkeys(("HuberLoss", "huber_loss"), ("huber",)),
    **dict.fromkeys(("SmoothL1Loss", "smooth_l1_loss"), ("smooth_l1",)),
    **dict.fromkeys(("class_weight", "class_weights"), ("weight",)),
    "scale_pos_weight": ("pos_weight",),
    **dict.fromkeys(("MSELoss", "mean_squared_error", "l2", "l2_loss", "squared_error"), ("mse", "weight_decay")),
    **dict.fromkeys(("L1Loss", "mae", "mean_absolute_error", "absolute_error"), ("l1",)),
}

# -- the rest of a spec, searches, ablations, edits --------------------------------------------------------------------

_PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("model", "architecture", "arch", "net", "modules", "backbone"), ("network", "base", "baseline")),
    **dict.fromkeys(("training", "trainer", "hparams", "fit"), ("train",)),
    **dict.fromkeys(("description", "comment", "notes", "doc"), ("summary",)),
    **dict.fromkeys(("title", "id"), ("name",)),
    **dict.fromkeys(("parent", "inherits", "inherit", "from"), ("extends", "base", "baseline")),
    **dict.fromkeys(("changes", "overrides", "modifications", "patches"), ("edits",)),
    **dict.fromkeys(("reference", "paper", "citation", "url"), ("source",)),
    **dict.fromkeys(("published", "reported"), ("documented",)),
    **dict.fromkeys(("params", "n_params", "num_parameters", "param_count", "weights"), ("parameters",)),
    **dict.fromkeys(("flops", "mult_adds", "madds", "gflops"), ("macs",)),
}

_STUDIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("goal", "target", "objectives", "direction", "directions"), ("objective",)),
    **dict.fromkeys(("max", "maximise", "maximum"), ("maximize",)),
    **dict.fromkeys(("min", "minimise", "minimum"), ("minimize",)),
    **dict.fromkeys(
        ("val_acc", "validation_accuracy", "valid_acc", "acc", "accuracy"), ("val_accuracy", "test_accuracy")
    ),
    **dict.fromkeys(("test_acc", "top1", "test_acc1"), ("test_accuracy",)),
    **dict.fromkeys(("validation_loss", "valid_loss"), ("val_loss",)),
    **dict.fromkeys(("latency", "inference_time", "time", "time_ms"), ("latency_ms",)),
    **dict.fromkeys(("n_trials", "num_trials", "max_trials", "max_evals", "budget"), ("trials",)),
    **dict.fromkeys(("search_space", "hyperparameters", "config_space", "param_space"), ("space",)),
    **dict.fromkeys(("algorithm", "tuner", "search_algorithm", "search_alg", "strategy"), ("sampler", "design")),
    **dict.fromkeys(("pruning", "stopper"), ("pruner",)),
    **dict.fromkeys(("baseline", "start"), ("base",)),
    "base": ("baseline", "extends"),
    "metrics": ("metric", "objective"),
    **dict.fromkeys(("constraints", "max_size", "bounds"), ("limits",)),
    **dict.fromkeys(("finalists", "top_k", "n_best"), ("confirm",)),
    **dict.fromkeys(("bayesian", "bayes", "TPESampler", "bohb"), ("tpe",)),
    **dict.fromkeys(("gaussian_process", "bo", "botorch", "GPSampler"), ("gp",)),
    **dict.fromkeys(("grid", "grid_search", "GridSampler", "exhaustive"), ("brute_force", "full_factorial")),
    **dict.fromkeys(("random_search", "RandomSampler", "monte_carlo"), ("random",)),
    **dict.fromkeys(("sobol", "halton", "QMCSampler"), ("qmc",)),
    **dict.fromkeys(("nsga", "genetic", "evolution", "evolutionary", "NSGAIISampler"), ("nsga2",)),
    **dict.fromkeys(("cma", "CmaEsSampler"), ("cmaes",)),
    **dict.fromkeys(("hill_climbing", "local_search", "regularized_evolution"), ("local",)),
    **dict.fromkeys(("asha", "successive_halving", "sha", "SuccessiveHalvingPruner"), ("halving",)),
    **dict.fromkeys(("HyperbandPruner",), ("hyperband",)),
    **dict.fromkeys(("MedianPruner", "percentile"), ("median",)),
    **dict.fromkeys(("NopPruner", "no_pruning"), ("none",)),
    **dict.fromkeys(("n_startup_trials", "warmup_trials", "n_initial_points"), ("startup_trials",)),
    **dict.fromkeys(("min_resource", "grace_period"), ("min_epochs",)),
    **dict.fromkeys(("components", "variables", "ablations", "ablate"), ("factors",)),
    **dict.fromkeys(("models", "specs", "configs"), ("variants",)),
    **dict.fromkeys(("n_seeds", "num_seeds", "repetitions", "replicates", "runs"), ("seeds", "confirm_seeds")),
    **dict.fromkeys(("significance", "significance_level", "p_value"), ("alpha",)),
    **dict.fromkeys(("equivalence_margin", "rope", "sesoi", "smallest_effect"), ("margin",)),
    **dict.fromkeys(("oat", "ofat", "one_factor_at_a_time"), ("one_at_a_time",)),
    **dict.fromkeys(("loo", "leave_one_factor_out", "drop_one"), ("leave_one_out",)),
    **dict.fromkeys(("factorial", "full_grid"), ("full_factorial",)),
    "fractional": ("fractional_factorial",),
    **dict.fromkeys(("stepwise", "cumulative", "incremental", "additive"), ("path",)),
    **dict.fromkeys(("shap", "shapley_value"), ("shapley",)),
    **dict.fromkeys(("remove", "delete", "del", "rm"), ("drop",)),
    **dict.fromkeys(("append", "prepend"), ("insert",)),
    **dict.fromkeys(("change", "update", "modify", "assign"), ("set",)),
    **dict.fromkeys(("swap", "substitute", "exchange"), ("replace",)),
    **dict.fromkeys(("count", "n", "num", "depth", "number", "repeat"), ("times",)),
    **dict.fromkeys(("body", "blocks"), ("layers",)),
    **dict.fromkeys(("tied", "share", "same_values"), ("shared",)),
    **dict.fromkeys(("log_scale", "logarithmic"), ("log",)),
    **dict.fromkeys(("q", "quantum"), ("step",)),
}

MEANS: dict[str, tuple[str, ...]] = {}
for _table in (LAYERS, FIELDS, _DATA, _TRAINING, _PARTS, _STUDIES):
    for _word, _targets in _table.items():
        MEANS[_word] = tuple(dict.fromkeys((*MEANS.get(_word, ()), *_targets)))

# Words where a number stands, by the kind of error that its field gives: what to write.
INSTEAD_OF_NUMBERS: dict[tuple[str, str], str] = {
    **dict.fromkeys((("width", word) for word in ("numclasses", "nclasses", "numlabels", "class")), "classes"),
    **dict.fromkeys((("whole_number", word) for word in ("valid", "none", "no")), "0"),
}

# Optuna's, Ray's, Hyperopt's words for an open value: the word for it here, and whether the scale is logarithmic.
OPEN_WORDS: dict[str, tuple[str, bool]] = {
    **dict.fromkeys(("categorical", "suggest_categorical", "choices", "options", "one_of"), ("choice", False)),
    **dict.fromkeys(("values", "select", "enum", "grid_search"), ("choice", False)),
    **dict.fromkeys(("integer", "int_range", "randint", "suggest_int", "quniform", "int_uniform"), ("int", False)),
    **dict.fromkeys(("log_int", "int_loguniform", "lograndint"), ("int", True)),
    **dict.fromkeys(("uniform", "real", "range", "double", "suggest_float", "suggest_uniform"), ("float", False)),
    **dict.fromkeys(("loguniform", "log_uniform", "suggest_loguniform", "log_float", "reciprocal"), ("float", True)),
}

# -- where nothing can be written for the word -------------------------------------------------------------------------

_IN = "is what comes in, known from the layer before; leave it out"
_OPTIMIZERS = "is not here; sgd, adam, adamw and rmsprop are"
_LAYER_KINDS = (
    "is no layer here; a network is made of convolutions, pooling, linear layers, recurrence, attention, norms, "
    "dropout, activations; any other one is a layer of your own"
)
_DEPTHWISE = "is a `conv2d` with `groups: in`"
_LOSSES = (
    "is not here; of numbers there are mse, l1, huber, smooth_l1 and quantile, of classes cross_entropy, nll and focal"
)
_SCHEDULES = "is not here; constant, step, multi_step, exponential, cosine, one_cycle and plateau are"
_PICTURES = "is not here; shift, rotate, flip and crop are"
INSTEAD: dict[str, str] = {
    **dict.fromkeys(
        ("in_channels", "in_features", "input_channels", "input_shape", "input_dim", "in_dim", "n_in"), _IN
    ),
    **dict.fromkeys(("normalized_shape", "num_features", "num_channels"), _IN),
    **dict.fromkeys(("conv_transpose3d", "Conv3DTranspose", "Bilinear", "local_response_norm"), _LAYER_KINDS),
    **dict.fromkeys(("depthwise_conv2d", "DepthwiseConv2D", "separable_conv2d"), _DEPTHWISE),
    **dict.fromkeys(("GlobalMaxPooling2D", "adaptive_max_pool2d"), "is `max_pool2d` with the size of the map"),
    **dict.fromkeys(("activation", "act", "nonlinearity", "act_layer"), "is a layer of its own: write `relu` after it"),
    **dict.fromkeys(("norm_layer", "batchnorm_layer"), "is a layer of its own: write `batch_norm2d` after it"),
    **dict.fromkeys(
        ("kernel_initializer", "bias_initializer", "init", "initializer", "weight_init"),
        "cannot be chosen: weights begin as torch's defaults",
    ),
    "padding_mode": "cannot be chosen: padding is with zeros",
    "keep_prob": "is 1 - p; write `p`, the fraction that is set to zero",
    **dict.fromkeys(("inplace", "return_indices", "data_format"), "changes no result; leave it out"),
    **dict.fromkeys(("dim", "axis"), "is known: features of a flat input, else channels; leave it out"),
    **dict.fromkeys(
        ("classes", "num_classes", "n_classes", "num_labels"),
        "comes from the data; write `{linear: {out_features: classes}}` as the last layer",
    ),
    "dropout": "is a layer: write `{dropout: {p: 0.5}}` in the network",
    "T_max": "is all the epochs; leave it out",
    **dict.fromkeys(
        ("iterations", "max_steps", "num_steps", "steps_per_epoch", "max_iter"), "is not counted here; write `epochs`"
    ),
    **dict.fromkeys(("seed", "random_state", "random_seed"), "is no part of a spec: `archsearch run SPEC --seed 3`"),
    "shuffle": "cannot be chosen: training data are shuffled in every epoch; leave it out",
    **dict.fromkeys(("num_workers", "pin_memory", "prefetch"), "is not needed: all data are in memory; leave it out"),
    "drop_last": "cannot be chosen: every sample counts in every epoch; leave it out",
    **dict.fromkeys(("mean", "std"), "is computed from the training data: `normalize: true`"),
    **dict.fromkeys(("test_split", "test_size", "train_size"), "is the data's; hold out `validation: 0.2`"),
    **dict.fromkeys(("adagrad", "adadelta", "adamax", "nadam", "radam", "lamb", "lion", "lbfgs", "muon"), _OPTIMIZERS),
    **dict.fromkeys(("hinge", "triplet", "kl_div"), _LOSSES),
    **dict.fromkeys(("polynomial", "cosine_restarts", "cyclic_lr", "noam", "inverse_sqrt"), _SCHEDULES),
    **dict.fromkeys(("color_jitter", "cutout", "random_erasing", "randaugment", "zoom"), _PICTURES),
    "mixup": "mixes samples and labels: write `mixup: 0.2` under `train`",
    "cutmix": "mixes images and labels: write `cutmix: 1.0` under `train`",
    **dict.fromkeys(("low", "high", "lower", "upper"), "is one of two bounds: `{int: [8, 64]}`"),
}  # fmt: skip

# -- what stands deeper in `train` -------------------------------------------------------------------------------------

# The key it stands under, and how that is written; said wherever the word stands outside of that key.
PLACED: dict[str, tuple[str, str]] = {
    "lr": ("optimizer", "optimizer: {adam: {lr: 0.001}}"),
    "momentum": ("optimizer", "optimizer: {sgd: {lr: 0.1, momentum: 0.9}}"),
    "nesterov": ("optimizer", "optimizer: {sgd: {lr: 0.1, momentum: 0.9, nesterov: true}}"),
    "betas": ("optimizer", "optimizer: {adam: {betas: [0.9, 0.999]}}"),
    "weight_decay": ("optimizer", "optimizer: {adamw: {weight_decay: 0.01}}"),
    "max_lr": ("optimizer", "optimizer: {sgd: {lr: 0.1}}"),
    "label_smoothing": ("loss", "loss: {cross_entropy: {label_smoothing: 0.1}}"),
    "warmup_epochs": ("schedule", "schedule: {cosine: {warmup_epochs: 1}}"),
    "gamma": ("schedule", "schedule: {step: {step_size: 10, gamma: 0.1}}"),
    "step_size": ("schedule", "schedule: {step: {step_size: 10}}"),
    "milestones": ("schedule", "schedule: {multi_step: {milestones: [10, 15]}}"),
    "patience": ("early_stopping", "early_stopping: {patience: 5}"),
    "monitor": ("early_stopping", "early_stopping: {monitor: val_loss, patience: 5}"),
    "min_delta": ("early_stopping", "early_stopping: {patience: 5, min_delta: 0.001}"),
}
