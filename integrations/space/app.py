"""liax studio as a Space: the page of `liax studio`, for whoever opens the Space."""

import os

from liax.cli.main import main

if __name__ == "__main__":
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    main(["studio", "--host", "0.0.0.0", "--port", port])
