"""Seeded mutations of pictures and videos, which know their files' boxes, chunks and numbers."""

from __future__ import annotations

import re
import struct
import zlib
from random import Random

from mutations import mutate_bytes

_NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
# What is wide enough for 8 bytes only.
_LONG_NUMBERS = (2**33, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
# The name of an MP4's box or of a chunk of PNG and WebP; its size stands before it, and in WebP behind it.
_TAG = re.compile(rb"[A-Za-z][A-Za-z0-9]{2}[A-Za-z0-9 ]")
_PNG_BEGINS, _PNG_AROUND = 8, 12  # bytes before the first chunk, and of each beside its content


def mutate_media(random: Random, raw: bytes) -> bytes:
    """Bytes, sizes, numbers or names in headers changed; pieces cut off, exchanged, repeated or put in."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        mutate = random.choice((mutate_bytes, _with_size, _with_size, _with_number, _with_number, _moved))
        raw = mutate(random, raw) or raw
    return raw


def mutate_png(random: Random, raw: bytes) -> bytes:
    """As `mutate_media`; most have right checksums, without which a decoder reads no further."""
    raw = mutate_media(random, raw)
    return raw if random.randrange(4) == 0 else _with_checksums(raw)


def _with_size(random: Random, raw: bytes) -> bytes:
    """Another size before or behind a tag, or another tag."""
    tags = list(_TAG.finditer(raw))
    if not tags:
        return _with_number(random, raw)
    at = random.choice(tags).start()
    kind = random.randrange(4)
    if kind == 3:
        return raw[:at] + random.choice(tags)[0] + raw[at + 4 :]
    at += 4 if kind == 2 else -4
    if at < 0 or at + 4 > len(raw):
        return raw
    order = ">" if kind < 2 else "<"
    (size,) = struct.unpack_from(f"{order}I", raw, at)
    size = random.choice((*_NUMBERS, size - 1, size + 1, size - 8, size * 2, len(raw))) % 2**32
    return raw[:at] + struct.pack(f"{order}I", size) + raw[at + 4 :]


def _with_number(random: Random, raw: bytes) -> bytes:
    """Another number of 1 to 8 bytes, in a header rather than in the content."""
    tags = list(_TAG.finditer(raw))
    near = random.choice(tags).end() + random.randrange(64) if tags else random.randrange(len(raw))
    at = random.choice((near, random.randrange(min(256, len(raw))), random.randrange(len(raw))))
    width = random.choice((1, 2, 2, 4, 4, 8))
    number = random.choice(_NUMBERS if width < 8 else _NUMBERS + _LONG_NUMBERS) % 256**width
    return raw[:at] + number.to_bytes(width, random.choice(("big", "little"))) + raw[at + width :]


def _moved(random: Random, raw: bytes) -> bytes:
    """Two pieces exchanged, or one repeated many times."""
    a, b, c = sorted(random.randrange(len(raw)) for _ in range(3))
    if random.randrange(2):
        return raw[:a] + raw[b:c] + raw[a:b] + raw[c:]
    return raw[:b] + raw[a : min(b, a + 200)] * random.choice((1, 3, 50)) + raw[b:]


def _with_checksums(raw: bytes) -> bytes:
    """A PNG's chunks as they are, with the checksums that they should have."""
    data, at = bytearray(raw), _PNG_BEGINS
    while at + _PNG_AROUND <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        end = at + 8 + size
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(data)
