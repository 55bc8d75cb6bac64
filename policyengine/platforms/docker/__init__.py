"""Dockerfiles and bake files: stages, builds, and what a public image is."""
