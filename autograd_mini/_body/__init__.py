"""Graphs as flat programs, and the chain rule over them."""
