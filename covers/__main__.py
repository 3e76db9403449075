"""``python -m covers``."""

from covers.cli import main

if __name__ == "__main__":
    main()
