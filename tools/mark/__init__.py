"""Training of the networks that draw and read the invisible mark."""
