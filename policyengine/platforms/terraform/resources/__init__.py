"""Resources as views on evaluated blocks, whatever they are written as."""
