"""What makes material for the project; run at the root of a checkout, not installed with the package."""
