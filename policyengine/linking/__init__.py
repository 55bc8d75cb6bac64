"""What belongs together: builds, deployments, connections and pairs. The only step across sides."""
