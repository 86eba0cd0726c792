"""Search: open values in a spec make a search space; samples are screened, trained and the best are confirmed.

space.py       the space of a study file       domains.py    what one open value may be
count.py       how large the space is          suggest.py    one sample = one spec that fits
"""
