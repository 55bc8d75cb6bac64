"""policyengine: policy as code for dev/prod parity."""

__version__ = "0.1.0"
