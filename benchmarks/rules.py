"""Time of the rules, and of the graph that they read, on 1,000, 3,000 and 10,000 generated Terraform files.

    python benchmarks/rules.py [FILES…]

Each file declares a service, its database, its secret and what they need. What is compared is the time for one file:
it may grow by half from the smallest tree to the largest, else something is not linear. Processor time of this process,
one worker, nothing cached.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path

from policyengine import engine, plugins
from policyengine.repository import configuration, discover
from policyengine.rules.evaluate import evaluate

SIZES = (1_000, 3_000, 10_000)
LIMIT = 1.5

FILE = """\
resource "aws_ecs_task_definition" "service_{n}" {{
  family             = "service-{n}"
  execution_role_arn = aws_iam_role.service_{n}.arn
  container_definitions = jsonencode([{{
    name         = "service-{n}"
    image        = "${{aws_ecr_repository.service_{n}.repository_url}}:1.4.{n}"
    user         = "1000"
    portMappings = [{{ containerPort = 3000 }}]
    environment  = [{{ name = "DATABASE_HOST", value = aws_db_instance.service_{n}.address }}]
    secrets      = [{{ name = "DATABASE_PASSWORD", valueFrom = aws_secretsmanager_secret.service_{n}.arn }}]
  }}])
}}

resource "aws_ecs_service" "service_{n}" {{
  name            = "service-{n}"
  task_definition = aws_ecs_task_definition.service_{n}.arn
}}

resource "aws_ecr_repository" "service_{n}" {{
  name                 = "service-{n}"
  image_tag_mutability = "IMMUTABLE"
}}

resource "aws_iam_role" "service_{n}" {{
  name = "service-{n}"
}}

resource "aws_secretsmanager_secret" "service_{n}" {{
  name = "service-{n}"
}}

resource "aws_db_instance" "service_{n}" {{
  identifier                 = "service-{n}"
  engine                     = "postgres"
  engine_version             = "16.{minor}"
  auto_minor_version_upgrade = false
}}
"""


def measure(size: int) -> tuple[float, float]:
    """Seconds for the graph, and for all rules on it, the best of three times."""
    found = plugins.environment()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number in range(size):
            (folder / f"service_{number}.tf").write_text(FILE.format(n=number, minor=number % 12))
        (folder / "docker-compose.yml").write_text("services:\n  db:\n    image: postgres:16.3\n")
        start = time.process_time()
        tree = discover.open_tree([folder])
        settings = engine.load_config(tree, found)
        graph = engine.build_graph(tree, settings, found, engine.Work(jobs=1, cache=False)).graph
        built = time.process_time()
    rules = frozenset(rule.id for pack in found.packs for rule in pack.rules)
    options = [(pack, configuration.options(settings, pack.name, pack.options)) for pack in found.packs]
    times: list[float] = []
    for _ in range(3):
        begun = time.process_time()
        evaluate(graph, options, selected=rules)
        times.append(time.process_time() - begun)
    return built - start, min(times)


def main() -> int:
    """Print the times; the exit code tells whether the limit holds."""
    gc.set_threshold(200_000)  # as the command line does
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    measure(100)  # loads what is loaded once
    times = {size: measure(size) for size in sizes}
    print(f"{'files':>7}{'graph':>10}{'a file':>11}{'rules':>10}{'a file':>11}")
    for size, (graph, rules) in times.items():
        print(f"{size:7}{graph:9.2f}s{graph / size * 1e6:8.0f} µs{rules:9.2f}s{rules / size * 1e6:8.0f} µs")
    growth = [times[sizes[-1]][each] / times[sizes[0]][each] / (sizes[-1] / sizes[0]) for each in (0, 1)]
    print(f"time for a file grows {growth[0]:.2f} times in the graph, {growth[1]:.2f} in the rules (limit {LIMIT})")
    return 0 if max(growth) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
