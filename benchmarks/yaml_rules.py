"""Time of 200 rules in YAML over 1,000 nodes: reading the rules, and judging the nodes.

    python benchmarks/yaml_rules.py

The rules ask what real ones do: one fact, several, the elements of a list, a filter, all nodes. Processor time of this
process; the graph is built before. It may take 1.5 seconds to judge, and half of one to read the rules.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from policyengine import engine, plugins
from policyengine.repository import configuration, discover
from policyengine.rules.declarative import yaml_pack

RULES, NODES = 200, 1_000
READING, JUDGING = 0.5, 1.5
CONDITIONS = (
    'service.image.registry in ["ghcr.io", "docker.io"]',
    'has(service.user) && service.user != "root" && service.user != "{n}"',
    'service.ports.all(p, p.published == null || p.host_ip == "127.0.0.1" || p.target == {n})',
    'service.image.tag != "latest" && service.image.tag.matches("^1[.]4[.][0-9]+$")',
    '"LOG_LEVEL" in service.environment && service.environment.LOG_LEVEL.value != "debug-{n}"',
    'every.service.exists(s, s.name == "service-{n}") && service.name != "{n}"',
)
RULE = """\
  - id: ACME{n:04}
    summary: Rule {n}.
    severity: warning
    select: {{service: {{side: local}}}}
    where: service.name != "service-{n}"
    require: '{condition}'
    message: "'{{service.name}}' breaks rule {n}."
"""
SERVICE = """\
  service-{n}:
    image: ghcr.io/acme/service-{n}:1.4.{n}
    user: "1000"
    ports: ["127.0.0.1:{port}:3000"]
    environment: {{LOG_LEVEL: info, REGION: eu-west-1}}
"""


def main() -> int:
    """Print what both take; 1 where one takes longer than it may."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        services = "".join(SERVICE.format(n=n, port=10_000 + n) for n in range(NODES))
        (folder / "docker-compose.yml").write_text(f"services:\n{services}")
        rules = "".join(
            RULE.format(n=n, condition=CONDITIONS[n % len(CONDITIONS)].replace("{n}", str(n))) for n in range(RULES)
        )
        file = folder / "rules.yml"
        file.write_text(f"pack: acme\nversion: '1'\nrules:\n{rules}")
        tree = discover.open_tree([folder], None)
        loaded = plugins.load()
        graph = engine.build_graph(tree, configuration.Config(), loaded, engine.Work(jobs=1, cache=False)).graph
        begun = time.process_time()
        pack = yaml_pack(file)
        read = time.process_time()
        options = pack.options()
        found = sum(1 for rule in pack.rules for _ in rule.check(graph, options))
        judged = time.process_time()
    took = {"reading the rules": (read - begun, READING), "judging the nodes": (judged - read, JUDGING)}
    for what, (seconds, limit) in took.items():
        print(f"{what}: {seconds:.2f} s of {limit} s")
    print(f"{RULES} rules over {NODES} services said {found} things")
    return int(any(seconds > limit for seconds, limit in took.values()))


if __name__ == "__main__":
    sys.exit(main())
