"""Terraform's language: values, expressions, types and functions."""
