"""The `liax` command: finds the subcommand's module, calls it, and turns errors into one sentence each."""

from __future__ import annotations

import errno
import io
import logging
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

from liax import __version__
from liax.bounded import printable
from liax.cli.messages import sentence
from liax.errors import LiaxError, LiaxWarning

# Subcommand -> what it is for. Each is the function of that name (with _ for -) in the module of that name in
# liax.cli, imported when called; a module whose options' defaults depend on the arguments has
# `configured(arguments)`, which returns the function.
COMMANDS = {
    "animate": "move a portrait with a driving video",
    "edit": "change a portrait's pose and expression",
    "edit-video": "change pose and expression throughout a video",
    "manipulate": "sweep a portrait's controls, or orbit its head",
    "controls": "list what weights let you steer, and draw it",
    "encode": "keep a video's motion as a template, without its pictures",
    "batch": "animate many portraits with many videos",
    "studio": "open a web page that does all of this",
    "demo": "animate the bundled portrait and show what came out",
    "evaluate": "measure how good weights are on clips",
    "interpret": "measure what motion vectors mean, and name them",
    "prepare": "cut training clips out of raw videos",
    "train": "train weights from a manifest of clips",
    "convert": "turn published weights into this project's format",
    "regions": "measure eyes and mouths of training material",
}


def main(args: Sequence[str] | None = None) -> None:
    """Run `liax` with these arguments, the process's own by default; always ends in SystemExit.

    Exit codes: 0 well, 1 a LiaxError, 2 wrong usage, 130 Ctrl-C, 143 terminated.
    """
    args = list(sys.argv[1:] if args is None else args)
    if not args or args[0] in ("-h", "--help", "help"):
        print(_usage(), file=sys.stdout if args else sys.stderr)
        sys.exit(0 if args else 2)
    if args[0] == "--version":
        print(f"liax {__version__}")
        sys.exit(0)
    name, rest = args[0], args[1:]
    if name not in COMMANDS:
        print(f"liax: there is no command {name!r}; liax --help lists them.", file=sys.stderr)
        sys.exit(2)
    sys.exit(_run(name, rest))


def _run(name: str, rest: list[str]) -> int:
    import tyro

    from liax.cli.option_types import join_repeated, option_types

    handler = _StderrHandler(name)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal has no letters for
    logging.getLogger("liax").addHandler(handler)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        function = name.replace("-", "_")
        module = import_module(f"liax.cli.{function}")
        command = module.configured(rest) if hasattr(module, "configured") else getattr(module, function)
        tyro.cli(command, prog=f"liax {name}", args=join_repeated(rest), registry=option_types())
    except LiaxError as error:
        print(f"liax: {printable(sentence(error, name))}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "liax").partition(".")[0] == "liax":
            raise
        print(
            f"liax: {name} needs the package {error.name}; "
            "install liax with its extras (liax[studio,prepare,train,evaluate]).",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(f"liax: {str(error.filename)[:40]}… is too long for a file's name; check it.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("liax: stopped.", file=sys.stderr)
        return 130
    finally:
        logging.getLogger("liax").removeHandler(handler)
    return 0


class _StderrHandler(logging.Handler):
    """The package's warnings as lines on whatever standard error is now (above the progress bar, if any)."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self._command = command

    def emit(self, record: logging.LogRecord) -> None:
        known = isinstance(record.msg, LiaxWarning)
        message = sentence(record.msg, self._command) if known else record.getMessage()
        print(f"liax: {printable(message)}", file=sys.stderr)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Unwind as after Ctrl-C, so that nothing half-written stays."""
    sys.exit(128 + number)


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items())
    return (
        f"usage: liax COMMAND [options]\n\n{lines}\n\n"
        "liax COMMAND --help tells a command's options; liax --version the version."
    )
