"""The process and its machine: devices, memory, threads, signals and files."""
