"""A C++ engine for small networks on CPU: forward, loss and backward; the optimiser stays torch's.

Images lie side by side in the lanes of vectors, so a network with few channels computes as fast as a wide one. Holds
`source/` (the kernels), `build.py` (compiles them), `library.py` (loads the variant for this processor), `planner.py`
(a planned network -> a list of operations), `placing.py` (where their values lie) and `network.py` (all together, on
torch's tensors). Knows specs; knows nothing of data sets, runs or training loops.
"""
