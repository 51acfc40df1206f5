"""Rendered heads: pictures of computed people whose pose, expression and gaze are known exactly."""
