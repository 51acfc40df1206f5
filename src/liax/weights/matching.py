"""Do a file's tensors match what the network needs? One sentence names what does not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Shape = tuple[int, ...]

_NAMED = 3


def mismatch(
    expected: Mapping[str, Shape], found: Mapping[str, Shape], optional: Collection[str] = ()
) -> str:
    """What is wrong with the tensors `found`, or "" if nothing is.

    expected, found: tensor name -> shape. optional: names in `expected` that may be missing.
    At most three names of a kind are given, with the count of the others.
    """
    missing = [name for name in expected if name not in found and name not in optional]
    unexpected = [name for name in found if name not in expected]
    misshapen = [
        f"{name} is {_shape(found[name])}, not {_shape(shape)}"
        for name, shape in expected.items()
        if name in found and tuple(found[name]) != tuple(shape)
    ]
    kinds = (("missing tensors", missing), ("unexpected tensors", unexpected), ("wrong shapes", misshapen))
    return "; ".join(f"{len(names)} {kind} ({_first(names)})" for kind, names in kinds if names)


def _first(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _shape(shape: Iterable[int]) -> str:
    return "×".join(map(str, shape)) or "a single number"
