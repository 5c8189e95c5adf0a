"""`python -m verify NAME` runs a campaign; `python -m verify --help` lists them."""

from weft_cli.running import run

from .commands import app

if __name__ == "__main__":
    run(app)
