"""Which Compose files are taken for the local side, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import Service, Side
from policyengine.platforms.compose.choosing import choose
from policyengine.platforms.compose.producing import for_production
from policyengine.repository import discover
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins

STORES = "services:\n  db: {image: postgres:16.4}\n  cache: {image: redis:7.2}\n"
WHOLE = "services:\n  app: {build: .}\n  db: {image: postgres:16.4}\n  cache: {image: redis:7.2}\n"
PART = "services:\n  app: {build: .}\n  db: {image: postgres:16.4}\n"
PULLED = "services:\n  app: {image: acme/shop:1, ports: ['80:80']}\n  db: {image: postgres:16.4}\n"
OVER = "services:\n  app: {build: ., depends_on: [db]}\n"

PARTS = "services:\n  api: {build: api}\n  worker: {build: worker}\n  db: {image: postgres:16.4}\n"
RUN = """
variable "services" { default = { api = 8000, worker = 8001 } }
resource "aws_ecs_task_definition" "service" {
  for_each = var.services
  family   = each.key
}
"""
MACHINE = 'resource "aws_instance" "api" {\n  user_data = "start worker"\n}\n'
TRIED = "Terraform runs its services in production, and no other file starts them"
APPLICATION = "it runs the application; 'docker-compose.yml' only starts what that needs"
ANOTHER = "set compose.canonical for another"

CHOICES: dict[str, tuple[dict[str, str], tuple[str, ...], str]] = {
    "the default-named file nearest to the root": (
        {"docker/compose.yml": WHOLE, "docker-compose.yml": WHOLE},
        ("docker-compose.yml",),
        "the default-named file nearest to the root; left out: docker/compose.yml; set compose.canonical for another",
    ),
    "with its override": (
        {"compose.yaml": WHOLE, "compose.override.yaml": "services: {app: {ports: ['80:80']}}"},
        ("compose.yaml", "compose.override.yaml"),
        "the default-named file nearest to the root",
    ),
    "a whole system farther away beats datastores alone": (
        {"docker-compose.yml": STORES, "deployments/docker-compose.yml": WHOLE},
        ("deployments/docker-compose.yml",),
        f"{APPLICATION}; left out: docker-compose.yml; {ANOTHER}",
    ),
    "the container of an editor is none": (
        {".devcontainer/docker-compose.yml": "services: {devcontainer: {build: .}}"},
        (),
        "'.devcontainer/docker-compose.yml' only starts what an editor runs in; set compose.canonical for it",
    ),
    "a part of a system does not": (
        {"docker-compose.yml": STORES, "pdf/docker-compose.yml": PART},
        ("docker-compose.yml",),
        "the default-named file nearest to the root; left out: pdf/docker-compose.yml; set compose.canonical for another",
    ),
    "an odd name beside datastores alone": (
        {"docker-compose.yml": STORES, "docker-compose-full-stack.yml": WHOLE},
        ("docker-compose-full-stack.yml",),
        f"{APPLICATION}; left out: docker-compose.yml; {ANOTHER}",
    ),
    "a file that needs the base is started with it": (
        {"docker-compose.yml": STORES, "docker-compose.app.yml": OVER},
        ("docker-compose.yml", "docker-compose.app.yml"),
        APPLICATION,
    ),
    "an odd name alone": (
        {"docker-compose.server.yml": WHOLE},
        ("docker-compose.server.yml",),
        "no file has a default name",
    ),
    "a name without the word": ({"local.yml": WHOLE}, ("local.yml",), "no file has a default name"),
    "for development before others": (
        {"docker-compose.tools.yml": WHOLE, "docker-compose.dev.yml": WHOLE},
        ("docker-compose.dev.yml",),
        "no file has a default name; left out: docker-compose.tools.yml; set compose.canonical for another",
    ),
    "in a folder for development before others": (
        {"compose/bench/compose.yaml": WHOLE, "compose/local/compose.yaml": PART},
        ("compose/local/compose.yaml",),
        "the default-named file nearest to the root; left out: compose/bench/compose.yaml; " + ANOTHER,
    ),
    "what Terraform runs before what is nearest to the root": (
        {"docker-compose.yml": WHOLE, "services/docker-compose.yml": PARTS, "main.tf": RUN},
        ("services/docker-compose.yml",),
        f"it starts what Terraform runs; 'docker-compose.yml' does not; left out: docker-compose.yml; {ANOTHER}",
    ),
    "half of what Terraform runs is enough": (
        {"docker-compose.yml": WHOLE.replace("app", "api"), "all/docker-compose.yml": PARTS, "main.tf": RUN},
        ("docker-compose.yml",),
        f"the default-named file nearest to the root; left out: all/docker-compose.yml; {ANOTHER}",
    ),
    "a file for production whose services Terraform runs, beside datastores alone": (
        {"docker-compose.yml": STORES, "docker-compose.prod.yml": PARTS, "infra/main.tf": RUN},
        ("docker-compose.prod.yml",),
        f"{TRIED}; left out: docker-compose.yml; {ANOTHER}",
    ),
    "a file for production that runs on a machine of Terraform": (
        {"docker-compose.yml": STORES, "docker-compose.prod.yml": PARTS, "infra/main.tf": MACHINE},
        ("docker-compose.yml",),
        "the default-named file nearest to the root",
    ),
    "a file for production where another one starts the same": (
        {"docker-compose.yml": PARTS, "docker-compose.prod.yml": PARTS, "infra/main.tf": RUN},
        ("docker-compose.yml",),
        "the default-named file nearest to the root",
    ),
    "an editor's container last": (
        {"docker-compose.yml": STORES, ".devcontainer/docker-compose.yml": WHOLE},
        ("docker-compose.yml",),
        "the default-named file nearest to the root",
    ),
    "an editor's container alone": (
        {".devcontainer/docker-compose.yml": WHOLE},
        (".devcontainer/docker-compose.yml",),
        "the default-named file nearest to the root",
    ),
    "an example last": (
        {"examples/compose.yaml": WHOLE, "a/b/c/compose.yaml": WHOLE},
        ("a/b/c/compose.yaml",),
        "the default-named file nearest to the root",
    ),
    "what is no longer used last, by its first line": (
        {"docker-compose.yml": "# Legacy, kept for reference.\n" + WHOLE, "compose.local.yml": WHOLE},
        ("compose.local.yml",),
        "no file has a default name",
    ),
    "what is no longer used last, by its folder": (
        {"archived/docker/compose.yml": WHOLE, "a/b/c/compose.yml": WHOLE},
        ("a/b/c/compose.yml",),
        "the default-named file nearest to the root",
    ),
    "what builds before what pulls": (
        {"docker-compose.yml": PULLED, "docker-compose.dev.yml": PART, "docker-compose.prod.yml": WHOLE},
        ("docker-compose.dev.yml",),
        f"it is for development; 'docker-compose.yml' is not; left out: docker-compose.yml; {ANOTHER}",
    ),
    "what is tried before what is worked with": (
        {"docker-compose.quickstart.yml": WHOLE, "docker-compose.yml": STORES},
        ("docker-compose.yml",),
        "the default-named file nearest to the root",
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_files_that_developers_start_are_chosen(name: str, tmp_path: Path) -> None:
    files, paths, reason = CHOICES[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    chosen, choice = choose(discover.discover([tmp_path]))
    assert chosen == paths
    assert choice is not None
    assert (choice.chosen, choice.reason) == (", ".join(paths) or "none", reason)


@pytest.mark.parametrize(
    "path",
    [
        "docker-compose.prod.yml",
        "compose.staging.yaml",
        "docker-compose.test.yml",
        "docker-compose.ci.yml",
        "docker-compose.override.yml",
        "deploy.yml",
        "node_modules/x/docker-compose.yml",
    ],
)
def test_production_and_tests_are_no_local_side(path: str, tmp_path: Path) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(WHOLE, "utf-8")
    assert choose(discover.discover([tmp_path])) == ((), None)


def _production(tree: discover.Tree) -> tuple[tuple[str, ...], str]:
    """The files that production starts, and why."""
    paths, choice = for_production(tree)
    if choice is None:
        return paths, ""
    assert choice.chosen == ", ".join(paths)
    assert choice.guessed is not choice.reason.startswith("'")  # else it names the file that starts it
    return paths, choice.reason


def test_a_broken_file_of_a_default_name_is_chosen_so_that_its_error_is_told(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {a: [}\n", "utf-8")
    (tmp_path / "compose.dev.yaml").write_text(STORES, "utf-8")
    assert choose(discover.discover([tmp_path]))[0] == ("compose.yaml",)


BASE = "services:\n  app: {image: 'acme/shop:${TAG}'}\n  db: {image: postgres:16.4}\n"
CHAIN = ("docker-compose.yml", "docker/prod.yml", "docker/monitor.yml")
SET = "'.github/workflows/ship.yml' sets COMPOSE_FILE to it"
SHIP = """
on: push
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - name: Settings for staging
        run: echo "COMPOSE_FILE=docker-compose.yml;docker/prod.yml;docker/ml.yml;docker/monitor.yml" >> $GITHUB_ENV
      - name: Settings for production
        run: |
          echo "COMPOSE_PATH_SEPARATOR=;" >> $GITHUB_ENV
          echo "COMPOSE_FILE=docker-compose.yml;docker/prod.yml;docker/monitor.yml" >> $GITHUB_ENV
"""

STARTED: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "a variable of a workflow, in production before staging": (".github/workflows/ship.yml", SHIP, CHAIN, SET),
    "a variable of Compose's own separator": (
        "bin/up",
        "#!/bin/sh\nexport COMPOSE_FILE='docker-compose.yml:docker/prod.yml:docker/monitor.yml'\n",
        CHAIN,
        "'bin/up' sets COMPOSE_FILE to it",
    ),
    "files of a target": (
        "Makefile",
        "up-prod:\n\tdocker compose -f docker-compose.yml \\\n\t  -f $(ROOT)/docker/prod.yml --file=docker/monitor.yml up\n",
        CHAIN,
        "'Makefile' starts it, and it is called after production",
    ),
    "an array of a shell": (
        "ops/up",
        "compose=(\n  docker compose\n  -f docker-compose.yml -f docker/prod.yml\n  -f docker/monitor.yml\n)\n",
        CHAIN,
        "'ops/up' starts it, and it is called after production",
    ),
    "a text of a shell": (
        "ops/up",
        'FILES="-f docker-compose.yml -f docker/prod.yml -f docker/monitor.yml"\ndocker compose $FILES up -d\n',
        CHAIN,
        "'ops/up' starts it, and it is called after production",
    ),
    "files that are filled in before": (
        "tasks/start",
        "prod:\n  ./envsubst -i compose.core.yaml | {{docker}} compose -f - -f compose.addon.yaml up --detach\n",
        ("deploy/compose.core.yaml", "deploy/compose.addon.yaml"),
        "'tasks/start' starts it, and it is called after production",
    ),
}


@pytest.mark.parametrize(
    ("base", "over", "paths"),
    [
        (
            "services: {api: {ports: ['80:80']}, db: {image: postgres:16.4}}",
            "services: {api: {image: 'a/api:1'}}",
            True,
        ),
        (PARTS, "services: {api: {image: 'acme/api:1', ports: ['80:80']}}", False),
        (STORES, "services: {api: {image: 'acme/api:1'}}", False),
    ],
    ids=["images of what has none", "a service of its own", "another service"],
)
def test_a_production_file_of_images_stands_on_its_base(base: str, over: str, paths: bool, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(base, "utf-8")
    (tmp_path / "compose.production.yml").write_text(over, "utf-8")
    found = for_production(discover.discover([tmp_path]))[0]
    assert found == (("compose.yml", "compose.production.yml") if paths else ("compose.production.yml",))


def test_a_file_that_ci_starts_is_no_production_where_terraform_runs_its_services(tmp_path: Path) -> None:
    started = "      - run: docker compose -f docker-compose.prod.yml up -d --wait\n"
    job = f"on: push\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n{started}"
    files = {".github/workflows/ci.yml": job, "docker-compose.yml": STORES, "docker-compose.prod.yml": PARTS}
    for path, text in {**files, "main.tf": RUN}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    assert for_production(discover.discover([tmp_path])) == ((), None)


def _shop(tmp_path: Path, files: dict[str, str]) -> discover.Tree:
    over = {f"docker/{name}.yml": "services: {app: {restart: always}}\n" for name in ("dev", "prod", "ml", "monitor")}
    core = {"deploy/compose.core.yaml": WHOLE, "deploy/compose.addon.yaml": "services: {form: {image: acme/form}}\n"}
    for path, text in {"docker-compose.yml": BASE, **over, **core, **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return discover.discover([tmp_path])


@pytest.mark.parametrize("name", STARTED)
def test_a_chain_with_a_file_called_after_production_is_what_production_starts(name: str, tmp_path: Path) -> None:
    path, text, paths, reason = STARTED[name]
    tree = _shop(tmp_path, {path: text})
    assert _production(tree) == (paths, reason)
    assert choose(tree)[0] == ("docker-compose.yml",)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".env", "COMPOSE_FILE=docker-compose.yml:docker/prod.yml\n"),
        ("Makefile", "dev:\n\tdocker compose -f docker-compose.yml -f docker/dev.yml up\n"),
        ("Makefile", "up:\n\tdocker compose -f docker-compose.yml -f docker/ml.yml up\n"),
        ("Makefile", "up:\n\tdocker compose -f docker-compose.yml -f docker/prod.yml -f docker/missing.yml up\n"),
        ("Makefile", "up:\n\tkubectl apply -f docker/prod.yml\n"),
        ("tests/run.sh", "docker compose -f docker-compose.yml -f docker/prod.yml up\n"),
        ("up-locally.sh", "docker compose -f docker-compose.yml -f docker/dev.yml -f docker/prod.yml up\n"),
    ],
)
def test_what_names_no_chain_of_production_tells_none(path: str, text: str, tmp_path: Path) -> None:
    assert for_production(_shop(tmp_path, {path: text}))[0] == ()


PUBLISHED = "services:\n  app: {image: 'acme/shop-app:${TAG:-1}', restart: always}\n  db: {image: postgres:16.4}\n"
WORK = "services:\n  app: {build: ., volumes: ['.:/srv'], depends_on: [db]}\n  db: {image: postgres:16.4}\n"
LASTING = """
services:
  app: {build: ., restart: unless-stopped}
  db: {image: postgres:16.4, restart: unless-stopped}
  proxy: {image: nginx:1.28, restart: unless-stopped}
"""
CERTIFIED = f"{LASTING}  renewal: {{image: certbot/certbot}}\n"
OVERLAY = "services:\n  app: {volumes: ['.:/srv'], command: npm run dev}\n"
OURS = "it starts images of this repository, and what is worked with is another"
ASKS = "it asks for certificates, and what is worked with is beside it"
UNDER = "it holds no sources, and what is for development beside it changes what it starts"
BASED = ("docker-compose.yml", "docker-compose.dev.yml")

TITLED = "its first line says that it is for production"
ON = "its name says on what it runs, and what is worked with is another"

SHIPPED: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...], str]] = {
    "a default name whose first line says it": (
        {"docker-compose.yml": f"# Shop (Production)\n{WHOLE}", "docker-compose.dev.yml": STORES},
        ("docker-compose.dev.yml",),
        ("docker-compose.yml",),
        TITLED,
    ),
    "a default name whose first line says it in another language": (
        {"docker-compose.yml": f"# Produzione: tutto\n{WHOLE}", "docker-compose.dev.yml": STORES},
        ("docker-compose.dev.yml",),
        ("docker-compose.yml",),
        TITLED,
    ),
    "a folder called after what it runs on": (
        {"deployment/coolify/compose.yml": WHOLE, "deployment/local/compose.yml": STORES},
        ("deployment/local/compose.yml",),
        ("deployment/coolify/compose.yml",),
        ON,
    ),
    "a folder called after who runs the machine": (
        {"infra/digitalocean/compose.yml": WHOLE, "infra/dev/compose.yml": STORES},
        ("infra/dev/compose.yml",),
        ("infra/digitalocean/compose.yml",),
        ON,
    ),
    "the image of a service that another file builds": (
        {"docker-compose.yml": LASTING, "docker-compose.server.yml": "services: {app: {image: '${APP}'}}"},
        ("docker-compose.yml",),
        ("docker-compose.yml", "docker-compose.server.yml"),
        ON,
    ),
    "images that another file builds": (
        {"docker-compose.yml": PUBLISHED, "docker-compose.local.yml": WORK},
        ("docker-compose.local.yml",),
        ("docker-compose.yml",),
        OURS,
    ),
    "images that another file builds, deep in the tree, and a third that builds for production": (
        {"selfhost/community/compose.yml": PUBLISHED, "docker-compose.yml": LASTING, "docker-compose-local.yml": WORK},
        ("docker-compose-local.yml",),
        ("selfhost/community/compose.yml",),
        OURS,
    ),
    "an image that is given from outside": (
        {"compose.yaml": PUBLISHED.replace("acme/shop-app:${TAG:-1}", "${IMAGE}"), "compose.dev.yaml": WORK},
        ("compose.dev.yaml",),
        ("compose.yaml",),
        OURS,
    ),
    "certificates, with what is for development on top": (
        {"docker-compose.yml": CERTIFIED, "docker-compose.dev.yml": OVERLAY},
        BASED,
        ("docker-compose.yml",),
        ASKS,
    ),
    "certificates, by labels, under the override that Compose finds": (
        {
            "compose.yaml": f"{LASTING}  edge: {{image: traefik:v3.5, command: --certificatesresolvers.le.acme.email=a@b.c}}\n",
            "compose.override.yaml": OVERLAY,
        },
        ("compose.yaml", "compose.override.yaml"),
        ("compose.yaml",),
        ASKS,
    ),
    "a folder of the name": (
        {"docker/production/compose.yml": PUBLISHED, "docker/development/compose.yml": STORES},
        ("docker/development/compose.yml",),
        ("docker/production/compose.yml",),
        "its name says that it is for production",
    ),
    "no restart: a first try on the laptop": (
        {"docker-compose.yml": WORK, "docker-compose.trial.yml": PUBLISHED.replace(", restart: always", "")},
        ("docker-compose.yml",),
        (),
        "",
    ),
    "nothing that is built elsewhere: what others made": (
        {"docker-compose.yml": WORK.replace("app:", "web:"), "compose.tools.yml": PUBLISHED},
        ("docker-compose.yml",),
        (),
        "",
    ),
    "no database of its own: prebuilt images for the laptop": (
        {"docker-compose.yml": WORK, "docker-compose.pre-built.yml": "services: {app: {image: a/b, depends_on: [db]}}"},
        ("docker-compose.yml",),
        (),
        "",
    ),
    "no certificates, with what is for development on top": (
        {"docker-compose.yml": LASTING, "docker-compose.dev.yml": OVERLAY},
        BASED,
        ("docker-compose.yml",),
        UNDER,
    ),
    "what is for development takes something away, so it is on top though it has images": (
        {
            "docker-compose.yml": LASTING,
            "docker-compose.dev.yml": "services:\n  app: {image: node:22, build: !reset null, volumes: ['.:/srv']}\n",
        },
        BASED,
        ("docker-compose.yml",),
        UNDER,
    ),
    "what is for development builds by a Dockerfile of its own": (
        {
            "compose.yaml": "services: {app: {build: .}}\n",
            "compose.dev.yaml": "services: {app: {build: {context: ., dockerfile: Dockerfile.dev}}}\n",
        },
        ("compose.dev.yaml",),
        ("compose.yaml",),
        UNDER,
    ),
    "what is for development builds what is pulled": (
        {
            "compose.yaml": PUBLISHED.replace("always", "on-failure"),
            "compose-dev.yaml": WORK.replace(", volumes: ['.:/srv']", ""),
        },
        ("compose-dev.yaml",),
        ("compose.yaml",),
        UNDER,
    ),
    "another file says where it runs": (
        {"docker-compose.yml": LASTING, "docker-compose.dev.yml": OVERLAY, "deploy/k8s/app.yaml": "kind: Deployment\n"},
        BASED,
        (),
        "",
    ),
    "a base that developers start too: nothing of it is started again": (
        {
            "docker-compose.yml": LASTING.replace("build: ., restart: unless-stopped", "build: ."),
            "docker-compose.dev.yml": OVERLAY,
        },
        ("docker-compose.yml",),
        (),
        "",
    ),
    "tests": (
        {"docker-compose.yml": WORK, "tests/docker-compose.yml": PUBLISHED, "docker-compose.ci.yml": PUBLISHED},
        ("docker-compose.yml",),
        (),
        "",
    ),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_what_self_hosted_products_ship_is_what_production_starts(name: str, tmp_path: Path) -> None:
    files, local, production, reason = SHIPPED[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    tree = discover.discover([tmp_path])
    assert choose(tree)[0] == local
    assert _production(tree) == (production, reason)


CLONED = """
on: push
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - uses: appleboy/ssh-action@v1
        with: {host: shop.example.org, script: 'cd /srv/shop && git pull && docker compose up -d --build'}
"""


@pytest.mark.parametrize(
    ("path", "text", "over", "found"),
    [
        (".github/workflows/ship.yml", CLONED, OVERLAY, True),
        ("scripts/deploy.sh", "git pull\ndocker compose up -d\n", OVERLAY, True),
        ("scripts/start.sh", "docker compose up -d\n", OVERLAY, False),
        ("scripts/deploy-dev.sh", "docker compose up -d\n", OVERLAY, False),
        ("scripts/deploy.sh", "docker compose up -d\n", "", False),
    ],
)
def test_what_compose_finds_in_the_clone_on_a_machine_is_production_where_another_is_worked_with(
    path: str, text: str, over: str, found: bool, tmp_path: Path
) -> None:
    trial = LASTING.replace(", restart: unless-stopped", "")
    for name, said in {"docker-compose.yml": trial, "docker-compose.dev.yml": over, path: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if said:
            (tmp_path / name).write_text(said, "utf-8")
    tree = discover.discover([tmp_path])
    reason = f"'{path}' starts there what Compose finds by itself"
    assert _production(tree) == ((("docker-compose.yml",), reason) if found else ((), ""))
    assert choose(tree)[0] == (BASED if found else ("docker-compose.yml",))


@pytest.mark.parametrize(("graphics", "found"), [("  app: {build: gpu}\n", False), (PARTS.partition("\n")[2], True)])
def test_what_starts_a_part_of_it_in_another_way_is_no_local_side_beside_production(
    graphics: str, found: bool, tmp_path: Path
) -> None:
    files = {"docker-compose.yml": WHOLE, "docker-compose.gpu.yml": f"services:\n{graphics}"}
    for name, said in {**files, "deploy.sh": "git pull\nssh shop 'docker compose up -d'\n"}.items():
        (tmp_path / name).write_text(said, "utf-8")
    tree = discover.discover([tmp_path])
    assert _production(tree)[0] == (("docker-compose.yml",) if found else ())
    assert choose(tree)[0] == (("docker-compose.gpu.yml",) if found else ("docker-compose.yml",))


@pytest.mark.parametrize("slot", ["blue", "green"])
def test_a_file_called_after_a_turn_is_for_production(slot: str, tmp_path: Path) -> None:
    (tmp_path / f"docker-compose-{slot}.yml").write_text(WHOLE, "utf-8")
    (tmp_path / "docker-compose-dev.yml").write_text(WHOLE, "utf-8")
    tree = discover.discover([tmp_path])
    assert _production(tree)[0] == (f"docker-compose-{slot}.yml",)
    assert choose(tree)[0] == ("docker-compose-dev.yml",)


def test_the_name_of_the_repository_tells_its_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/docker-compose.yml").write_text(PUBLISHED, "utf-8")
    (tmp_path / "docker-compose.dev.yml").write_text(STORES, "utf-8")
    assert for_production(discover.discover([tmp_path]))[0] == ()
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GITHUB_REPOSITORY", "Acme/shop")
    tree = discover.discover([tmp_path])
    assert _production(tree) == (("docker/docker-compose.yml",), OURS)
    assert choose(tree)[0] == ("docker-compose.dev.yml",)


def test_a_project_beside_what_only_builds_for_production_is_not_what_developers_start(tmp_path: Path) -> None:
    jobs = {"backend/docker-compose.prod.yml": PART, "backend/docker-compose.job.yml": "services: {job: {build: .}}\n"}
    assert choose(_shop(tmp_path, jobs))[0] == ("docker-compose.yml",)


def test_a_broken_file_beside_the_project_costs_nothing_of_it(tmp_path: Path, installed: Plugins) -> None:
    files = {"compose.yaml": "services: {app: {build: .}}\n", "compose.broken.yaml": "services: {"}
    report = scan_files(files, tmp_path, installed)
    assert [each.name for each in report.graph.all(Service, side=Side.LOCAL)] == ["app"]
    assert [each.message for each in report.failures if "internal error" in each.message] == []


ROLLED = """
on: push
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps: [{run: gcloud run deploy shop --image eu.gcr.io/acme/shop}]
"""
SSH = CLONED.replace("docker compose up", "docker compose -f docker-compose.vps.yml up")
OWN = """
on: push
jobs:
  ship:
    runs-on: [self-hosted, linux]
    environment: shop
    steps: [{run: docker compose -f ops/shop.yml up -d}]
"""
OWNED = "services:\n  app: {image: acme/shop}\n"
BARE = "services:\n  app: {build: .}\n"
UP = "docker compose -f docker-compose.yml -f docker-compose.staging.yml up"
DEV = {"compose.yml": BARE, "compose.prod.yml": "services: {app: {environment: {A: b}}}\n", "compose.dev.yml": WORK}
RUNS = {
    "live.sh": "docker compose -f compose.yml -f compose.prod.yml up -d\n",
    "work.sh": "docker compose -f compose.dev.yml up\n",
}
PROVISIONED = {
    "infra/droplet/compose.yaml": LASTING,
    "infra/droplet/main.tf": 'resource "digitalocean_droplet" "it" {}\n',
    "infra/dev/compose.yaml": STORES,
}
WRITTEN = "cd /opt/shop\ncat > docker-compose.yml << EOF\nservices: {}\nEOF\ndocker compose up -d\n"
WORDS: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "what a workflow called after CI starts on a server beats a name": (
        {
            "docker-compose.yml": WORK,
            "docker-compose.prod.yml": LASTING,
            "docker-compose.vps.yml": OWNED,
            ".github/workflows/ci.yml": SSH,
        },
        ("docker-compose.yml",),
        ("docker-compose.vps.yml",),
    ),
    "a job that deploys starts it on its own machine": (
        {"docker-compose.yml": WORK, "ops/shop.yml": OWNED, ".github/workflows/ship.yml": OWN},
        ("docker-compose.yml",),
        ("ops/shop.yml",),
    ),
    "a job for tests on its own machine starts none": (
        {
            "docker-compose.yml": WORK,
            "ops/shop.yml": OWNED,
            ".github/workflows/check.yml": OWN.replace("    environment: shop\n", ""),
        },
        ("docker-compose.yml",),
        (),
    ),
    "production is tried where a workflow rolls out what runs": (
        {"docker-compose.yml": WORK, "docker-compose.prod.yml": BARE, ".github/workflows/ship.yml": ROLLED},
        ("docker-compose.yml",),
        (),
    ),
    "what Docker starts again is production beside it": (
        {"docker-compose.yml": WORK, "docker-compose.prod.yml": LASTING, ".github/workflows/ship.yml": ROLLED},
        ("docker-compose.yml",),
        ("docker-compose.prod.yml",),
    ),
    "a chain that people are told to start": (
        {
            "docker-compose.yml": BARE,
            "docker-compose.staging.yml": "services: {app: {environment: {A: b}}}\n",
            ".github/workflows/ship.yml": ROLLED,
            "README.md": f"```\n{UP}\n```\n",
        },
        ("docker-compose.yml", "docker-compose.staging.yml"),
        (),
    ),
    "not where the base is started alone": (
        {
            "docker-compose.yml": BARE,
            "docker-compose.staging.yml": "services: {app: {environment: {A: b}}}\n",
            ".github/workflows/ship.yml": ROLLED,
            "README.md": f"docker compose up\n{UP}\n",
        },
        ("docker-compose.yml",),
        (),
    ),
    "a base of chains alone is not what is worked with": (
        {**DEV, **RUNS},
        ("compose.dev.yml",),
        ("compose.yml", "compose.prod.yml"),
    ),
    "a base that a script starts is": (
        {**DEV, **RUNS, "Makefile": "up:\n\tdocker compose up\n"},
        ("compose.yml",),
        ("compose.yml", "compose.prod.yml"),
    ),
    "a stack beside Terraform of its own": (PROVISIONED, ("infra/dev/compose.yaml",), ("infra/droplet/compose.yaml",)),
    "a script writes the file of the server": (
        {"docker-compose.yml": STORES, "debug/debug-compose.yml": WHOLE, "deploy.sh": WRITTEN},
        ("docker-compose.yml",),
        (),
    ),
    "a laptop is for work": ({"compose.laptop.yml": WORK, "ops/compose.gpu.yml": WORK}, ("compose.laptop.yml",), ()),
}


@pytest.mark.parametrize("name", WORDS)
def test_what_commands_and_folders_say_tells_the_sides(name: str, tmp_path: Path) -> None:
    files, local, production = WORDS[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    tree = discover.discover([tmp_path])
    assert (choose(tree)[0], for_production(tree)[0]) == (local, production)
