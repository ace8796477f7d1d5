"""The cells, each as its paper's equations."""
