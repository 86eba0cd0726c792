"""Data sets as tensors: what there is, where the files come from, prepared once, mapped, split, augmented.

    describe(DataSpec(name="mnist", size=(32, 32))).shape    # archsearch.data.facts: no torch, no files
    load(DataSpec(name="digits")).x_train                    # archsearch.data.prepare

Knows specs and files; must not know networks, training or studies. Import from the modules: each says what it costs.
"""
