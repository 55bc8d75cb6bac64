"""Facts about the world as data, each entry with its source and date; one lookup module a subject."""
