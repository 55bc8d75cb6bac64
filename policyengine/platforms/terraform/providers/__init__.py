"""What the resources of AWS, Azure, Google Cloud, Kubernetes and Helm mean: the nodes of the cloud side."""
