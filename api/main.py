"""Entry point of the `lookalike` command."""

import os


def main() -> None:
    """Run the command line."""
    # One worker keeps one core busy. OpenBLAS reads this once, when NumPy is first imported: its threads would wait for
    # work by spinning, on the cores that the workers need.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from api.commands import app

    app()


if __name__ == "__main__":
    main()
