"""Services of the cloud that only a workflow declares, by the command or the action that makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import Service, Side
from policyengine.model.value import Known, Unknown, known
from tests.trees import scan

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "docker-compose.yml": "services:\n  backend: {build: backend, command: npm run dev, ports: ['8000:8000']}\n",
    "backend/Dockerfile": 'FROM node:22-bookworm-slim\nUSER node\nCMD ["node", "server.js"]\n',
}
WORKFLOW = """
on: {push: {branches: [main]}}
jobs:
  ship:
    runs-on: ubuntu-24.04
    env: {REGISTRY: eu.pkg.dev/acme/shop}
    steps:
      - uses: actions/checkout@v5
      - run: |
          docker build -t $REGISTRY/backend:${{ github.sha }} backend
          docker push $REGISTRY/backend:${{ github.sha }}
"""
ACTION = """
      - uses: google-github-actions/deploy-cloudrun@v3
        with:
          service: backend
          image: ${{ env.REGISTRY }}/backend:${{ github.sha }}
          flags: >-
            --service-account=${{ vars.ACCOUNT }}
            --port=8000
          env_vars: |
            LEVEL=info
            ORIGIN=${{ vars.ORIGIN }}
          secrets: |
            DATABASE_URL=database-url:latest
"""
COMMAND = """
      - run: |
          gcloud run deploy backend --image "$REGISTRY/backend:${{ github.sha }}" --region europe-west1 \\
            --port 8000 --set-env-vars=LEVEL=info,ORIGIN=https://acme.example --set-secrets DATABASE_URL=database-url:1
"""
AZURE = """
      - run: |
          az containerapp create --name backend -g shop --image $REGISTRY/backend:${{ github.sha }} \\
            --target-port 8000 --env-vars LEVEL=info ORIGIN=https://acme.example DATABASE_URL=secretref:database-url
"""


def deployed(tmp_path: Path, step: str, more: dict[str, str] | None = None) -> list[Service]:
    report = scan(tmp_path, {**FILES, ".github/workflows/ship.yml": WORKFLOW + step, **(more or {})})
    return list(report.graph.all(Service, side=Side.CLOUD))


@pytest.mark.parametrize(
    ("step", "noun", "origin"),
    [
        (ACTION, "Cloud Run service", None),
        (COMMAND, "Cloud Run service", "https://acme.example"),
        (AZURE, "Container App", "https://acme.example"),
    ],
)
def test_what_the_step_says_of_the_service_is_known(tmp_path: Path, step: str, noun: str, origin: str | None) -> None:
    (service,) = deployed(tmp_path, step)
    assert (service.name, service.noun) == ("backend", noun)
    assert service.id == "rollout:.github/workflows/ship.yml#backend"
    assert [known(each.target, 0) for each in service.ports] == [8000]
    held = {each.key: each.value for each in service.environment}
    assert set(held) == {"LEVEL", "ORIGIN", "DATABASE_URL"}
    assert known(held["LEVEL"], "") == "info"
    assert (held["ORIGIN"].value if isinstance(held["ORIGIN"], Known) else None) == origin
    assert isinstance(held["DATABASE_URL"], Unknown)


def test_it_mirrors_the_local_service_and_is_held_against_it(tmp_path: Path) -> None:
    report = scan(tmp_path, {**FILES, ".github/workflows/ship.yml": WORKFLOW + ACTION})
    pairs = [(each.local, each.cloud) for each in report.graph.pairs]
    assert pairs == [("compose:services.backend", "rollout:.github/workflows/ship.yml#backend")]
    told = {each.message for each in report.results if each.rule.id == "HEX109"}
    assert told == {"'backend' runs the development server 'npm run dev', but [the cloud](1) runs 'node server.js'."}


UPDATE = COMMAND.replace("gcloud run deploy", "gcloud run services update").replace(" --port 8000", "")
CLOUD = (
    'resource "google_cloud_run_v2_service" "api" {\n  template {\n    containers { image = "acme/api:1" }\n  }\n}\n'
)


def test_what_terraform_declares_has_the_variables_that_a_workflow_sets(tmp_path: Path) -> None:
    step = (
        AZURE.replace("--name backend", '--name "$SERVICE"')
        .replace("create", "update")
        .replace("--env-vars", "--set-env-vars")
    )
    step = step.replace("      - run", "      - env: {SERVICE: backend}\n        run", 1)
    declared = """
        resource "azurerm_container_app" "shop" {
          name = "backend"
          lifecycle { ignore_changes = [template[0].container[0].env] }
          template {
            container {
              name  = "backend"
              image = "acme/backend:1"
              env {
                name  = "LEVEL"
                value = "warn"
              }
            }
          }
        }
    """
    (service,) = deployed(tmp_path, step, {"main.tf": declared})
    held = {each.key: known(each.value, "") for each in service.environment}
    assert held == {"LEVEL": "warn", "ORIGIN": "https://acme.example", "DATABASE_URL": ""}
    assert service.environment_gap is not None
    assert service.environment_gap.reason == (
        "azurerm_container_app.shop ignores changes of template.container.env: something else may set it"
    )


def test_an_update_keeps_what_it_does_not_say(tmp_path: Path) -> None:
    (service,) = deployed(tmp_path, UPDATE)
    assert service.environment_gap is not None
    assert isinstance(service.command, Unknown)
    assert service.ports == ()


@pytest.mark.parametrize(
    ("step", "more"),
    [
        pytest.param(COMMAND.replace("deploy backend", "deploy $NAME"), {}, id="a name that the run decides"),
        pytest.param(COMMAND.replace("deploy backend", "deploy backend-staging"), {}, id="another environment"),
        pytest.param(UPDATE.replace('--image "$REGISTRY/backend:${{ github.sha }}"', ""), {}, id="no image"),
        pytest.param(COMMAND.replace("gcloud run deploy", "gcloud run services describe"), {}, id="a question"),
        pytest.param(COMMAND, {"main.tf": CLOUD}, id="Terraform makes the services"),
    ],
)
def test_what_is_no_service_of_production_by_itself_makes_none(tmp_path: Path, step: str, more: dict[str, str]) -> None:
    assert [each for each in deployed(tmp_path, step, more) if each.id.startswith("rollout:")] == []


KUBERNETES = """
      - run: |
          kubectl apply -k k8s
          kubectl -n shop rollout status deployment/shop-backend
      - run: docker build -t $REGISTRY/other:1 other && docker push $REGISTRY/other:1
"""


def test_a_deployment_whose_image_the_workflow_pushes_is_a_service_of_which_the_manifests_say_the_rest(
    tmp_path: Path,
) -> None:
    more = {
        "other/Dockerfile": "FROM scratch\n",
        "docker-compose.yml": FILES["docker-compose.yml"] + "  ui: {image: a/b}\n",
    }
    report = scan(tmp_path, {**FILES, ".github/workflows/ship.yml": WORKFLOW + KUBERNETES, **more})
    (service,) = report.graph.all(Service, side=Side.CLOUD)
    assert (service.name, service.noun) == ("shop-backend", "Kubernetes deployment")
    assert isinstance(service.command, Unknown)
    assert [(each.local, each.cloud) for each in report.graph.pairs] == [("compose:services.backend", service.id)]
    assert [each.message for each in report.results if each.rule.id == "HEX101"] == []
