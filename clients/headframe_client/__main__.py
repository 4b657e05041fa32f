"""`python -m headframe_client` is the command `headframe`."""

from headframe_client.command import main

if __name__ == "__main__":
    main()
