"""The DAVIS layout: frames, masks, split files, object names and ground truth."""
