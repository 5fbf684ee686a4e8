"""Entry point of the `lookalike` command."""


def main() -> None:
    """Run the command line."""
    from api.commands import app  # noqa: PLC0415 - keeps `import api.main` free of the command line

    app()


if __name__ == "__main__":
    main()
