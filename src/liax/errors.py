"""The one exception that reaches a user: a single sentence that names the file and the remedy."""


class LiaxError(Exception):
    """Bad input or an unusable environment, told in one clear sentence.

    The command line prints the message on stderr and exits with 1; no traceback, no half-written output.
    """
