"""How options that are no plain numbers or texts are written on the command line: names, strengths, settings.

One rule a type, for every command that has an option of that type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from liax.bounded import parse_number, short
from liax.errors import LiaxError
from liax.options import (
    EditSettings,
    Names,
    Reference,
    Seconds,
    Square,
    Strength,
    parse_names,
    parse_rate,
    parse_reference,
    parse_seconds,
    parse_settings,
    parse_square,
    parse_strength,
    to_text,
)


def option_types() -> ConstructorRegistry:
    """The rules for `tyro.cli`."""
    registry = ConstructorRegistry()
    for kind, parse, metavar in (
        (EditSettings, lambda text: parse_settings([text]), "NAME=VALUE,…"),
        (Strength, parse_strength, "FACTOR|NAME=FACTOR,…"),
        (Names, parse_names, "NAME,NAME,…"),
        (Fraction, parse_rate, "FLOAT"),
        (Reference | None, parse_reference, "first|best|TIME"),
        (Seconds, lambda text: Seconds(parse_seconds(text)), "TIME"),
        (Square | None, parse_square, "LEFT,TOP,SIDE"),
        (float, parse_number, "FLOAT"),
    ):
        registry.primitive_rule(_rule(kind, parse, metavar))
    return registry


def join_repeated(arguments: Sequence[str], flag: str = "--set") -> list[str]:
    """The arguments with the values of a repeated flag as one: --set a=1 --set b=2 -> --set a=1,b=2."""
    rest: list[str] = []
    values: list[str] = []
    at = 0
    waiting = iter(arguments)
    for argument in waiting:
        name, separator, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *waiting]
        elif name != flag:
            rest.append(argument)
        else:
            at = at if values else len(rest)
            values.append(value if separator else next(waiting, ""))
    return [*rest[:at], flag, ",".join(values), *rest[at:]] if values else rest


# Flags that stand for others: the usual words for a part of a clip, and the names of before.
_STANDS_FOR = {
    "--from": ["--since"],
    "--to": ["--until"],
    "--best-frame": ["--reference", "best"],
    "--first-frame": ["--reference", "first"],
}


def without_aliases(arguments: Sequence[str]) -> list[str]:
    """The arguments with options by their own names: --from 2s -> --since 2s."""
    own: list[str] = []
    for number, argument in enumerate(arguments):
        if argument == "--":
            return [*own, *arguments[number:]]
        name, separator, value = argument.partition("=")
        following = value if separator else next(iter(arguments[number + 1 :]), "")
        if name == "--face" and "=" in following:  # a face and what moves it
            name = "--faces"
        first, *rest = _STANDS_FOR.get(name, [name])
        own += [f"{first}{separator}{value}", *rest]
    return own


def face_and_driving(text: str) -> tuple[int, Path]:
    """ "2=talk.mp4" -> (2, talk.mp4); raises LiaxError for others."""
    number, separator, name = text.partition("=")
    if not (separator and name and number.isdecimal() and 1 <= len(number) <= 3 and int(number) > 0):
        raise LiaxError(f"{short(text)} is no face and driving; write both, such as 2=talk.mp4.")
    return int(number), Path(name)


def check_settings(settings: EditSettings) -> None:
    """Raise LiaxError if nothing is to be changed."""
    if not settings:
        raise LiaxError(
            "Nothing is to be changed; say what with --set, and see liax controls for what there is."
        )


def _rule(
    kind: Any, parse: Callable[[str], Any], metavar: str
) -> Callable[[PrimitiveTypeInfo], PrimitiveConstructorSpec[Any] | None]:
    def rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        if info.type != kind:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar=metavar,
            instance_from_str=lambda texts: parse(texts[0]),  # a LiaxError ends the command
            is_instance=lambda value: True,
            str_from_instance=lambda value: [to_text(value)],
        )

    return rule
