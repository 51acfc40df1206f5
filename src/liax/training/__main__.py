"""`python -m liax.training CONFIG.toml`: what `liax train` does, for torchrun and nodes without its CLI."""

import sys
from pathlib import Path

from liax.bounded import printable
from liax.errors import LiaxError
from liax.training.config import load_config
from liax.training.run import train

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m liax.training CONFIG.toml")
    try:
        print(train(load_config(Path(sys.argv[1]))))
    except LiaxError as error:
        sys.exit(f"liax: {printable(str(error))}")
    except KeyboardInterrupt:
        sys.exit(130)
