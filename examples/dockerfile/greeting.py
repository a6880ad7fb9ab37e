"""Copied into the image by its Dockerfile."""

print("Hello from a Dockerfile!")
