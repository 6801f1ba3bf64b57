"""Checkpoints of the network: reading, writing, published names, download and the Hugging Face Hub."""
