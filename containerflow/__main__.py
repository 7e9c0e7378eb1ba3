"""`python -m containerflow` is `cflow`."""

from containerflow.cli.main import main

if __name__ == "__main__":
    main()
