"""Devices, processes, worker pools, progress and reading ahead."""
