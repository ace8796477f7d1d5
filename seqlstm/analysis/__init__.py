"""What trained models hold and look at: units of their state, attention maps."""
