"""Geometry: local features of a picture, and the proof that one picture is in another.

    features   pixels to well-spread RootSIFT keypoints and two small grey pictures
    codec      features to some 30 KB of bytes and back
    placement  keypoints of two pictures to the one way of laying one over the other
    agreement  how much of what lies over each other looks alike
    proof      all of it together: `Prover`, `Proof`

What is needed is OpenCV and numpy. No network, no file, no clock.
"""
