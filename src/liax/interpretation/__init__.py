"""What weights have learned, in numbers: sparsity, effects, disentanglement, names (`liax interpret`)."""
