"""`python -m seqlstm` is the command `seqlstm`."""

from seqlstm.cli.app import main

if __name__ == "__main__":
    main()
