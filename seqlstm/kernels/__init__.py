"""C kernels with PyTorch fallbacks: everything runs without a compiler too. See README.md."""
