"""Data sets as Hugging Face's `datasets` leaves them on disk, read by pyarrow: no network, no code of the folder.

described = describe_dataset(DataSpec(name="huggingface", path="beans"))
described.contents.class_names, described.kind           # ('angular_leaf_spot', ...), 'images'
"""
