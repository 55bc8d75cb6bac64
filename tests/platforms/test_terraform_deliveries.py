"""Buildspecs of CodeBuild that Terraform holds, and what CodePipeline deploys.

Sources: "Build specification reference for CodeBuild"; "Action structure reference" of CodePipeline.
"""

from __future__ import annotations

import pytest

from policyengine.model.nodes import Build, Deploy, Job, Migrate, Workflow
from policyengine.model.value import Known
from policyengine.platforms import Lowered, Settings
from policyengine.platforms.github import reads
from policyengine.platforms.terraform import TerraformPart, root_modules
from policyengine.testing.memory import Memory

PLAIN = Settings(TerraformPart(), jobs=1, cache=False, reads={"github": reads})

YAML = """version: 0.2
phases:
  build:
    commands:
      - docker build -t $REPO:1.2 -f app/Dockerfile app
      - |
        docker push $REPO:1.2
        npx prisma migrate deploy
  post_build:
    commands:
      - aws ecs update-service --cluster main --service shop --force-new-deployment
"""

ENCODED = """encode({
      version = 0.2
      phases = {
        build = {
          commands = [
            "docker build -t $REPO:1.2 -f app/Dockerfile app",
            "docker push $REPO:1.2\\nnpx prisma migrate deploy",
          ]
        }
        post_build = { commands = ["aws ecs update-service --cluster main --service shop --force-new-deployment"] }
      }
    })"""


def codebuild(buildspec: str) -> str:
    return f"""resource "aws_codebuild_project" "shop" {{
  name = "shop"
  environment {{
    image = "aws/codebuild/standard:7.0"
    environment_variable {{
      name  = "REPO"
      value = "1.dkr.ecr.eu-west-1.amazonaws.com/shop"
    }}
    environment_variable {{
      name  = "TOKEN"
      value = "shop/token"
      type  = "SECRETS_MANAGER"
    }}
  }}
  source {{
    type      = "GITHUB"
    buildspec = {buildspec}
  }}
}}
"""


def lowered(**files: str) -> tuple[Memory, Lowered]:
    tree = Memory({name.replace("__", "/").replace("_", "."): text for name, text in files.items()})
    return tree, root_modules.lower(tree, PLAIN)


@pytest.mark.parametrize(
    ("buildspec", "more"),
    [
        (f"<<EOF\n{YAML}EOF", {}),
        (f"<<-EOF\n    {YAML.replace(chr(10), chr(10) + '    ')}\n    EOF", {}),
        (f"yaml{ENCODED}", {}),
        (f"json{ENCODED}", {}),
        ('file("${path.module}/ship.yaml")', {"ship_yaml": YAML}),
        ('templatefile("ship.tpl", { tag = "1.2" })', {"ship_tpl": YAML.replace("1.2", "${tag}")}),
        ('"ci/ship.yml"', {"ci__ship_yml": f"env: {{variables: {{REPO: 1.dkr.ecr.x.amazonaws.com/shop}}}}\n{YAML}"}),
    ],
    ids=["heredoc", "trimmed", "yamlencode", "jsonencode", "file", "templatefile", "path"],
)
def test_a_buildspec_of_terraform_is_a_workflow(buildspec: str, more: dict[str, str]) -> None:
    _, found = lowered(main_tf=codebuild(buildspec), **more)
    assert found.problems == ()
    (job,) = (node for node in found.nodes if isinstance(node, Job))
    activities = [each.tool for each in job.steps[0].activities if isinstance(each, Deploy | Migrate)]
    assert activities == ["ecr-push", "prisma", "ecs"]
    (build,) = (node for node in found.nodes if isinstance(node, Build))
    assert isinstance(build.dockerfile, Known)
    assert (build.dockerfile.value, [each.basename for each in build.references]) == ("app/Dockerfile", ["shop"])
    (workflow,) = (node for node in found.nodes if isinstance(node, Workflow))
    assert (workflow.jobs, workflow.triggers) == ((job.id,), ())


def test_commands_of_a_heredoc_stand_where_they_are_written() -> None:
    tree, found = lowered(main_tf=codebuild(f"<<EOF\n{YAML.replace('$REPO', '$${REPO}')}EOF"))
    (job,) = (node for node in found.nodes if isinstance(node, Job))
    assert [tree.at(each.span) for each in job.steps[0].activities] == [
        "docker push $${REPO}:1.2",
        "npx prisma migrate deploy",
        "aws ecs update-service --cluster main --service shop --force-new-deployment",
    ]


def test_what_a_repository_of_terraform_is_called_is_put_in() -> None:
    yaml = "phases:\n  build:\n    commands:\n      - ${local.push}\n      - docker push ${local.url}:latest\n"
    more = (
        'resource "aws_ecr_repository" "shop" {\n  name = "shop"\n}\n'
        'variable "push" {\n  type = string\n}\n'
        "locals {\n  url  = aws_ecr_repository.shop.repository_url\n  push = var.push\n}\n"
    )
    _, found = lowered(main_tf=codebuild(f"<<EOF\n{yaml}EOF"), more_tf=more)
    (job,) = (node for node in found.nodes if isinstance(node, Job))
    assert [each.tool for each in job.steps[0].activities if isinstance(each, Deploy)] == ["ecr-push"]


@pytest.mark.parametrize("buildspec", ['"buildspec.yml"', 'file("buildspec.yml")', '"elsewhere.yml"'])
def test_a_buildspec_that_is_read_as_a_file_or_lies_elsewhere_is_not_read_again(buildspec: str) -> None:
    _, found = lowered(main_tf=codebuild(buildspec), buildspec_yml=YAML)
    assert [node for node in found.nodes if isinstance(node, Workflow | Job)] == []


@pytest.mark.parametrize(
    ("buildspec", "reason"),
    [
        ("var.spec", "the buildspec is not read: it is not decided"),
        ('"phases: ["', "the buildspec is not read: this is no yaml text: "),
    ],
)
def test_a_buildspec_that_cannot_be_read_is_an_open_question(buildspec: str, reason: str) -> None:
    _, found = lowered(main_tf=codebuild(buildspec), more_tf='variable "spec" {\n  type = string\n}\n')
    (job,) = (node for node in found.nodes if isinstance(node, Job))
    assert job.steps[0].gap is not None
    assert job.steps[0].gap.reason.startswith(reason)


PIPELINE = """resource "aws_codepipeline" "ship" {
  name = "ship"
  stage {
    name = "Build"
    action {
      name      = "Build"
      category  = "Build"
      provider  = "CodeBuild"
    }
  }
  dynamic "stage" {
    for_each = { Staging = "ECS", Production = "CodeDeployToECS", Bucket = "S3" }
    content {
      name = stage.key
      action {
        name     = "ship"
        category = "Deploy"
        provider = stage.value
      }
    }
  }
  stage {
    name = "Ask"
    action {
      name     = "ask"
      category = "Approval"
      provider = "Manual"
    }
  }
}
"""


def test_the_actions_of_a_pipeline_that_deploy_are_jobs_in_the_order_of_their_stages() -> None:
    _, found = lowered(main_tf=PIPELINE)
    flow = "codepipeline:aws_codepipeline.ship"
    jobs = {node.id: node for node in found.nodes if isinstance(node, Job)}
    assert sorted(jobs) == [f"{flow}#Bucket/ship", f"{flow}#Production/ship", f"{flow}#Staging/ship"]
    tools = {
        name.rpartition("#")[2]: each.tool
        for name, job in jobs.items()
        for each in job.steps[0].activities
        if isinstance(each, Deploy)
    }
    assert tools == {"Bucket/ship": "s3", "Production/ship": "ecs", "Staging/ship": "ecs"}
    assert jobs[f"{flow}#Staging/ship"].needs == (f"{flow}#Bucket/ship", f"{flow}#Production/ship")
