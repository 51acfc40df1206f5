"""GPU kernels (Triton) for the memory-bound parts of training; `liax.model.pointwise` says when they run.

Every kernel has a readable twin in plain PyTorch, which defines it and which tests compare it with. Maps lie
channels-last: a map of B images is B · H · W rows of C numbers.
"""
