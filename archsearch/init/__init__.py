"""A first file for what there is already: a training script, a folder of images, arrays.

    read_script(Path("train.py")).seed          # archsearch.init.script: read, never executed
    first_spec(Path("images"), Path("."))       # archsearch.init.first_spec: a network that trains on them

Knows the other rooms' files as text to write; must not import torch.
"""
