"""How well predicted masks match the truth: region (J), contour (F), and their summary over a data set."""
