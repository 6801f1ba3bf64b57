"""``python -m visorvos``."""

from visorvos.cli.app import main

if __name__ == "__main__":
    main()
