"""``python -m knowingly``: the command line."""

from knowingly.cli import main

if __name__ == "__main__":
    main()
