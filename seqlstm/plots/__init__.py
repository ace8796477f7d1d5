"""Pictures: the one home of matplotlib."""
