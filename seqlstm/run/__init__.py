"""Run folders: the files of a training run."""
