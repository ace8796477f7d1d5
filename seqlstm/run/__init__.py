"""Run folders: what `train` writes and everything else opens."""
