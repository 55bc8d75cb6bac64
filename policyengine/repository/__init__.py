"""The tree on disk: discovery, configuration, and what is kept between runs."""
