"""What resources of AWS mean: the nodes of the cloud side."""
