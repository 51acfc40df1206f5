"""Seeded mutations of what strangers may hand over: values, texts and bytes."""

from __future__ import annotations

import copy
import json
import re
import struct
from random import Random
from typing import Any

DEEP: Any = []
for _ in range(60):
    DEEP = [DEEP]

NASTY_TEXTS = (
    "",
    " ",
    ",",
    "=",
    "5",
    "-1",
    "1/0",
    "1/1000000000000",
    "1e12",
    "1e99999999",
    "nan",
    "inf",
    "9" * 400,
    "9" * 5000,
    "²",
    "[/bogus]",
    "\x1b[2J",
    "\u202e",
    "a\x00b",
    "笑",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "{source!r:>99999999}",
    "[" * 3000,
    "x" * 300,
    "x" * 20_000,
)
NASTY: tuple[Any, ...] = (
    *NASTY_TEXTS,
    None,
    True,
    False,
    0,
    -1,
    1,
    8.5,
    2**31,
    2**62,
    2**63,
    2**64,
    10**12,
    10**400,
    1e308,
    -1e308,
    1e-320,
    float("nan"),
    float("inf"),
    -float("inf"),
    [],
    {},
    [[]],
    [None] * 3,
    DEEP,
)


def mutate_value(random: Random, value: Any) -> Any:
    """A copy of plain values in which one to three places are changed, left out, renamed or multiplied."""
    value = copy.deepcopy(value)
    for _ in range(random.randint(1, 3)):
        places = list(_places(value))
        if not places:
            return copy.deepcopy(random.choice(NASTY))
        holder, key = random.choice(places)
        kind = random.randrange(8)
        if kind < 4:
            holder[key] = copy.deepcopy(random.choice(NASTY))
        elif kind == 4:
            del holder[key]
        elif kind == 5 and isinstance(holder, dict):
            holder[random.choice(NASTY_TEXTS)] = holder.pop(key)
        elif kind == 6 and isinstance(holder, list):
            holder.extend([holder[key]] * random.choice((1, 9, 3000)))
        else:
            holder[key] = _near(random, holder[key])
    return value


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def _near(random: Random, value: Any) -> Any:
    """Something like it, of the same kind or the next one."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float) and abs(value) < 2**70:
        return random.choice((-value, value + 1, value * 1e6, value / 7, str(value), [value]))
    if isinstance(value, str):
        return mutate_text(random, value)
    return [value]


def mutate_text(random: Random, text: str) -> str:
    """A text in which one to four pieces are replaced, cut, repeated or inserted."""
    for _ in range(random.randint(1, 4)):
        begin, end = sorted(random.randint(0, len(text)) for _ in range(2))
        kind = random.randrange(6)
        if kind == 0:
            text = text[:begin] + random.choice(NASTY_TEXTS) + text[begin:]
        elif kind == 1:
            text = text[:begin] + text[min(end, begin + 9) :]
        elif kind == 2:
            text = text[:end] + text[begin:end] * random.choice((1, 2, 30)) + text[end:]
        elif kind == 3:
            text = text[:begin] + random.choice("[]{}\",=.#\n\t\\'0eE-+/%") + text[begin + 1 :]
        elif words := list(re.finditer(r"[^\s,=\[\]{}]+", text)):
            word = random.choice(words)
            text = text[: word.start()] + random.choice(NASTY_TEXTS) + text[word.end() :]
        if len(text) > 200_000:
            break
    return text


def mutate_bytes(random: Random, raw: bytes) -> bytes:
    """Bytes in which one to eight are changed, or a piece is cut out, cut off or repeated."""
    data = bytearray(raw)
    kind = random.randrange(5)
    begin, end = sorted(random.randint(0, len(data)) for _ in range(2))
    if kind < 2:
        for _ in range(random.randint(1, 8)):
            at = random.choice((random.randrange(len(data)), random.randrange(min(len(data), 64))))
            data[at] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))
    elif kind == 2:
        del data[begin : min(end, begin + 64)]
    elif kind == 3:
        del data[end:]
    else:
        data[end:end] = data[begin : min(end, begin + 64)]
    return bytes(data)


def mutate_safetensors(random: Random, raw: bytes) -> bytes:
    """A safetensors file with another header, other metadata, or other bytes."""
    size = struct.unpack("<Q", raw[:8])[0]
    header, content = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    facts = header["__metadata__"]
    kind = random.randrange(6)
    if kind == 0:
        return mutate_bytes(random, raw)
    if kind == 1:
        header = mutate_value(random, header)
    else:
        key = random.choice(sorted(facts))
        if facts[key][:1] in "[{":
            changed = mutate_value(random, json.loads(facts[key]))
            facts[key] = _json(changed) if kind < 5 else mutate_text(random, facts[key])
        else:
            facts[key] = random.choice((random.choice(NASTY_TEXTS), mutate_text(random, facts[key])))
    text = _json(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + content


def mutate_json(random: Random, raw: bytes) -> bytes:
    """A JSON file with other values, or as a text with other pieces."""
    if random.randrange(4) == 0:
        return mutate_text(random, raw.decode()).encode()
    return _json(mutate_value(random, json.loads(raw))).encode("utf-8", "surrogatepass")


def mutate_utf8(random: Random, raw: bytes) -> bytes:
    """A text file with other pieces, seldom with other bytes."""
    if random.randrange(8) == 0:
        return mutate_bytes(random, raw)
    return mutate_text(random, raw.decode()).encode("utf-8", "surrogatepass")


def _json(value: Any) -> str:
    return json.dumps(value)
