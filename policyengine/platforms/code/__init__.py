"""The repository's own code: packages, configuration modules, env files, migrations."""
