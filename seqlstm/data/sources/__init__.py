"""Reading rows of text: the Hub, local folders and files."""
