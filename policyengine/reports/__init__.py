"""Reports: what a run found out, as text for people, SARIF for code scanning, JSON for programs. They read only."""
