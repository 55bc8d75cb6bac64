"""The options of the pack: what `packs.clean-hexagon` of `policyengine.yaml` may say, and what holds without it."""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

CANONICAL_URL = "http://127.0.0.1:3005"
"""The local address of mandate 5.2."""

Name: TypeAlias = Annotated[str, Meta(min_length=1)]
Match: TypeAlias = Annotated[Literal["major", "minor"], Meta(description="How exactly the versions must agree.")]
Platform: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$")]


class Postgres(Struct, frozen=True, forbid_unknown_fields=True):
    """How local and cloud Postgres are compared."""

    match: Match = "minor"
    require_extensions: Annotated[
        tuple[Name, ...],
        Meta(description="Extensions that local Postgres must have, whether the code uses them or not."),
    ] = ()


class Redis(Struct, frozen=True, forbid_unknown_fields=True):
    """How local and cloud Redis are compared."""

    match: Match = "major"
    required_tag: Annotated[Name, Meta(description="The tag that the local image must have.")] = "7-alpine"


class PublicUrl(Struct, frozen=True, forbid_unknown_fields=True):
    """The address at which people open the application."""

    keys: Annotated[tuple[Name, ...], Meta(description="The variables that hold it.")] = ("NEXTAUTH_URL",)
    local: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^/\s]+/?$")] | UnsetType,
        Meta(description=f"The canonical local address, {CANONICAL_URL} where it is not said."),
    ] = UNSET
    cloud_scheme: Annotated[Literal["http", "https"], Meta(description="The scheme of the address in the cloud.")] = (
        "https"
    )

    @property
    def canonical(self) -> str:
        """The canonical local address, without a slash at its end."""
        return CANONICAL_URL if isinstance(self.local, UnsetType) else self.local.rstrip("/")

    @property
    def declared(self) -> bool:
        """Whether the configuration states it: then further keys (AUTH_URL, APP_URL …) are held to it exactly."""
        return not isinstance(self.local, UnsetType)


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """The gate: Compose up, then the end-to-end tests."""

    scope: Annotated[
        Literal["all", "push_pr", "deploy"],
        Meta(
            description="The workflows that need it: every one, those of pushes and pull requests, or deploying ones."
        ),
    ] = "push_pr"
    runner: Annotated[Name, Meta(description="The end-to-end test runner: playwright, cypress …")] = "playwright"
    literal: Annotated[bool, Meta(description="The gate must come before all other work of the workflow.")] = False


class Ci(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of workflows."""

    gate: Gate = Gate()
    ignore_workflows: Annotated[
        tuple[Name, ...], Meta(description="File names of workflows that need no gate; `*` is a wildcard.")
    ] = ()


class Schema(Struct, frozen=True, forbid_unknown_fields=True):
    """Where schema migrations may run."""

    tf_only: Annotated[bool, Meta(description="They must run from Terraform; false accepts the pipeline.")] = True


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the built-in pack, the Clean Hexagon."""

    required_user: Annotated[Name, Meta(description="The user that containers run as.")] = "node"
    required_dockerfile: Annotated[Name, Meta(description="The Dockerfile that builds the image for both sides.")] = (
        "Dockerfile.production"
    )
    platforms: Annotated[tuple[Platform, ...], Meta(description="The platforms that every image is built for.")] = (
        "linux/amd64",
        "linux/arm64",
    )
    postgres: Postgres = Postgres()
    redis: Redis = Redis()
    public_url: PublicUrl = PublicUrl()
    secret_managers: Annotated[tuple[Name, ...], Meta(description="Where secrets may come from; no rule asks yet.")] = (
        "aws-secretsmanager",
        "ssm",
        "infisical",
    )
    ci: Ci = Ci()
    schema: Schema = Schema()
