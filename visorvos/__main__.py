"""``visorvos`` and ``python -m visorvos``."""


def main() -> None:
    """The command line, imported when called: worker processes import this file, and need none of it."""
    from visorvos.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
