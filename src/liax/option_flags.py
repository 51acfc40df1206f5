"""Options as flags of the command line."""

from __future__ import annotations

from dataclasses import fields

from liax.options import MarkOptions, PartOptions, SourceOptions, to_text


def changed_options(options: SourceOptions | PartOptions | MarkOptions) -> dict[str, object]:
    """Name -> value of the options that differ from their defaults, in the order of their definition."""
    defaults = type(options)()
    named = ((each.name, getattr(options, each.name)) for each in fields(options))
    return {name: value for name, value in named if value != getattr(defaults, name)}


def to_flag(name: str, value: object) -> str:
    """The flag that gives an option this value: "--smooth", or "--no-crop" where it is False."""
    flag = name.replace("_", "-")
    return f"--no-{flag}" if value is False else f"--{flag}"


def to_arguments(options: SourceOptions | PartOptions) -> list[str]:
    """The command-line arguments that give these options: ["--no-crop", "--set", "yaw=10"]."""
    arguments: list[str] = []
    for name, value in changed_options(options).items():
        flag, text = to_flag(name, value), to_text(value)
        if isinstance(value, bool):
            arguments.append(flag)
        elif text.startswith("-"):  # which would be taken for a flag
            arguments.append(f"{flag}={text}")
        else:
            arguments += [flag, text]
    return arguments
