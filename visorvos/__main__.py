"""``visorvos`` and ``python -m visorvos``."""

import gc

__all__ = ["main"]


def main() -> None:
    """The command line, loaded when called: worker processes load the script that started them, and need none of it."""
    # Imports make many objects and hardly any garbage: to look for it takes a sixth of their time.
    gc.disable()
    from visorvos.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
