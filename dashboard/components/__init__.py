"""Pieces of screen that pages are made of."""
