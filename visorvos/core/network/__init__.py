"""The Space-Time Memory network: tensors in, tensors out."""
