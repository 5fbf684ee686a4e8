"""Faces: found (yunet), judged (quality), aligned (alignment), turned into vectors (sface); together:
networks."""
