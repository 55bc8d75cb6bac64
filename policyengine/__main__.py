"""`python -m policyengine`, which imports nothing from the working directory: that may be the scanned repository."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # where `-m` puts the working directory

    from policyengine.cli import command

    command()
