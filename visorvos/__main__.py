"""``visorvos`` and ``python -m visorvos``."""

__all__ = ["main"]


def main() -> None:
    """The command line, loaded when called: worker processes load the script that started them, and need none of it."""
    from visorvos.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
