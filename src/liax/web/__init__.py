"""A static page that moves portraits in the visitor's browser, without a server."""
