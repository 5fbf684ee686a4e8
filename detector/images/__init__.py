"""Image networks: a whole picture to one vector, near that of any copy of it.

All stand behind `detector.extractor.Embedder`: SSCD and our own tower (`square`), and any image tower of
open_clip (`detector.embedding`). Which one runs is the setting `image_network`.
"""
