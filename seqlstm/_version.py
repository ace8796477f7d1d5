"""The version of seqlstm."""

__version__ = "0.1.0"
