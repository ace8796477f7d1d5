"""The composition root: the only place that knows text, data, models and training together."""
