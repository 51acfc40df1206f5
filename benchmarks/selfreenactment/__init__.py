"""Parts of the self-reenactment benchmark: clips, subjects, fidelity, following, sparsity, sheets, report."""
