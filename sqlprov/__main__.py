"""`python -m sqlprov` is the command `sqlprov`."""

from sqlprov.frontends.cli import main

if __name__ == "__main__":
    main()
