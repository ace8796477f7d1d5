"""Sources that need no network and no file."""
