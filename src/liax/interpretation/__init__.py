"""What the weights have learned, in numbers: sparsity, effects of vectors, disentanglement, names (`liax interpret`)."""
