"""Dated tables of facts about public images: each file names its date and its source."""
