"""What leaves the project: PyTorch source, training scripts, ONNX files, exported programs.

    source = pytorch_source(load_plan("lenet5"))       # a Python file that needs torch only

What is written knows nothing of this package: no file that comes out of here imports it or names it.
"""
