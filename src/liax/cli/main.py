"""The `liax` command: finds the subcommand's module, calls it, and turns errors into one sentence each."""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from types import FrameType

from liax import __version__
from liax.bounded import printable
from liax.cli.messages import sentence
from liax.cli.output import AS_JSON
from liax.errors import LiaxError, LiaxWarning

# Command -> what it is for. Each is a function in a module of liax.cli, imported when called; both are called
# `function_name(command)`. A module whose options' defaults depend on the arguments has
# `configured(arguments)`, which returns the function.
COMMANDS = {
    "animate": "move a portrait with a driving video",
    "edit": "change a portrait's pose and expression",
    "edit-video": "change pose and expression throughout a video",
    "manipulate": "sweep a portrait's controls, or orbit its head",
    "controls": "list what weights let you steer, and draw it",
    "encode": "keep a video's motion as a template, without its pictures",
    "batch": "animate many portraits with many videos",
    "live": "move a portrait with the face before your camera",
    "web": "write a page that does so in the browser, without a server",
    "studio": "open a web page that does all of this",
    "demo": "animate the bundled portrait and show what came out",
    "verify": "tell whether files are marked as synthetic",
    "evaluate": "measure how good weights are on clips",
    "interpret": "measure what motion vectors mean, and name them",
    "prepare": "cut training clips out of raw videos",
    "train": "train weights from a manifest of clips",
    "train interpolate": "mix the weights of two runs",
    "convert": "turn published weights into this project's format",
    "export": "write the network as ONNX models for other programs",
    "regions": "measure eyes and mouths of training material",
}

# Command -> the extra of liax that it needs.
EXTRAS = {
    "studio": "studio",
    "live": "studio",
    "prepare": "prepare",
    "batch": "cluster",
    "train": "train",
    "train interpolate": "train",
    "evaluate": "evaluate",
    "interpret": "evaluate",
    "export": "onnxruntime",
    "web": "web",
}
# Flags that every command has, wherever they stand.
_FLAGS = {"-v": "verbose", "--verbose": "verbose", "--json": "json"}
_EVERY_COMMAND = (
    "Every command also takes --json, which prints its result as one JSON object, and -v\n"
    "(--verbose), which prints timings and, after an error, a traceback. LIAX_WEIGHTS and\n"
    "LIAX_DEVICE in the environment are the defaults of --weights and --device."
)


def main(args: Sequence[str] | None = None) -> None:
    """Run `liax` with these arguments, the process's own by default; always ends in SystemExit.

    Exit codes: 0 well, 1 a LiaxError, 2 wrong usage, 130 Ctrl-C, 141 nobody reads what it prints any more,
    143 terminated.
    """
    try:
        try:
            _main(args)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        sys.exit(141)


def _main(args: Sequence[str] | None) -> None:
    args, flags = _take_flags(sys.argv[1:] if args is None else args)
    verbose = "verbose" in flags
    AS_JSON.set("json" in flags)
    if not args or args[0] in ("-h", "--help", "help"):
        print(_usage(), file=sys.stdout if args else sys.stderr)
        sys.exit(0 if args else 2)
    if args[0] == "--version":
        print(f"liax {__version__}")
        sys.exit(0)
    words = 2 if " ".join(args[:2]) in COMMANDS else 1
    name, rest = " ".join(args[:words]), args[words:]
    if name not in COMMANDS:
        meant = "".join(f"did you mean {near}? " for near in get_close_matches(name, COMMANDS, 1))
        print(f"liax: there is no command {name!r}; {meant}liax --help lists them.", file=sys.stderr)
        sys.exit(2)
    sys.exit(_run(name, rest, verbose=verbose))


def function_name(command: str) -> str:
    """The name of a command's function and of its module: "edit-video" -> "edit_video"."""
    return command.replace("-", "_").replace(" ", "_")


def _take_flags(args: Sequence[str]) -> tuple[list[str], set[str]]:
    """The arguments without the flags of every command, and these."""
    end = args.index("--") if "--" in args else len(args)
    taken = {_FLAGS[arg] for arg in args[:end] if arg in _FLAGS}
    return [arg for arg in args[:end] if arg not in _FLAGS] + list(args[end:]), taken


def _run(name: str, rest: list[str], *, verbose: bool) -> int:
    import tyro

    from liax.cli.option_types import join_repeated, option_types, without_aliases

    started = time.monotonic()
    handler = _StderrHandler(name)
    log = logging.getLogger("liax")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal has no letters for
    log.addHandler(handler)
    level = log.level
    if verbose:
        log.setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        function = function_name(name)
        module = import_module(f"liax.cli.{function}")
        command = module.configured(rest) if hasattr(module, "configured") else getattr(module, function)
        log.info("%s: imported in %.1f s", name, time.monotonic() - started)
        tyro.cli(
            command, prog=f"liax {name}", args=join_repeated(without_aliases(rest)), registry=option_types()
        )
        log.info("%s: done in %.1f s", name, time.monotonic() - started)
    except SystemExit as stopped:
        if stopped.code == 0:  # after --help
            print(_EVERY_COMMAND)
        raise
    except LiaxError as error:
        if verbose:
            traceback.print_exc()
        print(f"liax: {printable(sentence(error, name))}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if verbose or (error.name or "liax").partition(".")[0] == "liax":
            raise
        extra = EXTRAS.get(name)
        remedy = f"install liax with the extra {extra}" if extra else "install liax again"
        print(f"liax: {name} needs the package {error.name}; {remedy}.", file=sys.stderr)
        return 1
    except OSError as error:
        if verbose or error.errno != errno.ENAMETOOLONG:
            raise
        print(f"liax: {str(error.filename)[:40]}… is too long for a file's name; check it.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("liax: stopped.", file=sys.stderr)
        return 130
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
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
        "liax COMMAND --help explains a command's options; liax --version prints the version.\n"
        f"{_EVERY_COMMAND}"
    )
