"""The VISOR release: annotations, rasterizing, conversion, training clips and challenge submissions."""
