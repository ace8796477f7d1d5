"""Built-in sources, which need no network and no file."""
