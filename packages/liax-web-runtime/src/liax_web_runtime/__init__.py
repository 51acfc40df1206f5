"""What pages of `liax web` run on. `make web` fills the folder in a checkout; a wheel brings it along."""

from pathlib import Path

FILES = Path(__file__).with_name("files")
