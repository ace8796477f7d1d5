"""The command line: one file a command. Heavy imports wait inside the commands."""
