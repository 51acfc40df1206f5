"""Triton kernels for the memory-bound parts of training; `liax.model.pointwise` decides when they run.

Every kernel has a twin in plain PyTorch that defines it, and tests compare the two. Maps are channels-last: a
map of B images is B · H · W rows of C numbers.
"""
