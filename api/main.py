"""Entry point of the `lookalike` command."""


def main() -> None:
    """Run the command line."""
    from api.commands import app

    app()


if __name__ == "__main__":
    main()
