"""README.md and docs/: commands, code, links and the generated reference."""
