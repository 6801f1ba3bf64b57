"""COCO instances: the index, and training clips made from still images."""
