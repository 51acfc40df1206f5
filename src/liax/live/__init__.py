"""A portrait before a camera: frames as they come, each answered at once."""
