"""Root modules with the modules that they call, their variables and their blocks, evaluated."""
