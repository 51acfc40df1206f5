"""The weights `live` of liax, which finds them by the entry point that this package declares."""

from pathlib import Path

WEIGHTS = Path(__file__).with_name("liax-live.safetensors")
