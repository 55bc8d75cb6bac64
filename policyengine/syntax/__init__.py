"""Readers: one `Source` in, located values out. A reader is pure and opens no other file."""
