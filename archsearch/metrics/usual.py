"""Names that people give to metrics of their own, and which way such a metric is better.

usual_direction("val_f1")            # maximize
"""

from __future__ import annotations

import re

from archsearch.metrics.metric import Direction

_MORE = (
    "acc accuracy top1 top5 f1 f1_score auc auroc roc_auc pr_auc average_precision map precision recall sensitivity "
    "specificity r2 r2_score bleu rouge rouge1 rouge2 rougel meteor reward return win_rate iou miou dice psnr ssim mcc "
    "kappa ndcg mrr hit_rate throughput elbo log_likelihood likelihood samples_per_second tokens_per_second "
    "images_per_second steps_per_second fps elo pass_rate exact_match balanced_accuracy top_k_accuracy jaccard "
    "average_precision_score explained_variance roc_auc_score accuracy_score"
)
_LESS = (
    "loss error err error_rate mse rmse mae mape nll bce cross_entropy logloss log_loss perplexity ppl bpc bpb seconds "
    "time duration runtime wall_time latency latency_ms peak_memory memory parameters params macs flops fid wer cer "
    "ter brier ece regret kl kl_divergence hinge squared_error absolute_error absolute_percentage_error max_error "
    "root_mean_squared_error median_absolute_error squared_log_error hamming_loss zero_one_loss"
)
_USUAL: dict[str, Direction] = {
    **dict.fromkeys(_MORE.split(), "maximize"),
    **dict.fromkeys(_LESS.split(), "minimize"),
}
_BEFORE = re.compile(
    r"(val|valid|validation|test|train|training|eval|dev|mean|avg|average|final|best|last|macro|micro)_"
)


def usual_direction(name: str) -> Direction | None:
    """Say which way a metric with such a name is better, None where the name does not tell.

    >>> usual_direction("val_f1"), usual_direction("test/mean_reward"), usual_direction("rmse")
    ('maximize', 'maximize', 'minimize')
    >>> usual_direction("balanced_accuracy"), usual_direction("mean_squared_error"), usual_direction("length")
    ('maximize', 'minimize', None)
    """
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    while word not in _USUAL and (before := _BEFORE.match(word)):
        word = word[before.end() :]
    return _USUAL.get(word)
