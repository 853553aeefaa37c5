"""Runs on a Ray cluster: actors execute, the process that holds the store keeps."""
