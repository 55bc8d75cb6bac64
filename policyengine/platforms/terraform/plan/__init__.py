"""Plans and states of Terraform, laid over what the files say."""
