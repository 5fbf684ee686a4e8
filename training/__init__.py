"""The image tower: distilled from SSCD on pictures outside the benchmark, exported as an open_clip model."""
