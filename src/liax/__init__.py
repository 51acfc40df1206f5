"""liax: portrait animation along a sparse motion dictionary, open to training and measurement."""
