"""Sources of text: the Hugging Face Hub, local folders and files."""
