"""What files mean: located values, nodes and the graph they make. Knows no file format."""
