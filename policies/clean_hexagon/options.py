"""The options of the pack: what `packs.clean-hexagon` of `policyengine.yaml` may say, and what holds without it."""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

CANONICAL_URL = "http://127.0.0.1:3005"
"""The local address of mandate 5.2."""

Name: TypeAlias = Annotated[str, Meta(min_length=1)]
Match: TypeAlias = Annotated[Literal["major", "minor"], Meta(description="How exactly the versions must agree.")]
PLATFORMS = ("linux/amd64", "linux/arm64")
MANAGERS = (
    "aws-secretsmanager",
    "ssm",
    "infisical",
    "google-secret-manager",
    "azure-key-vault",
    "vault",
    "doppler",
)

Scope: TypeAlias = Literal["all", "push_pr", "deploy"]
Url: TypeAlias = Annotated[str, Meta(pattern=r"^https?://[^/\s]+/?$")]
Platform: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$")]


def _said(description: str) -> Meta:
    return Meta(description=description)


class Postgres(Struct, frozen=True, forbid_unknown_fields=True):
    """How local and cloud Postgres are compared."""

    match: Match = "minor"
    require_extensions: Annotated[tuple[Name, ...], _said("What local Postgres must have, used or not.")] = ()


class Redis(Struct, frozen=True, forbid_unknown_fields=True):
    """How local and cloud Redis are compared."""

    match: Match = "major"
    required_tag: Annotated[Name | UnsetType, _said("The tag that the local image must have, else 7-alpine.")] = UNSET

    @property
    def tag(self) -> str:
        """The tag of the local image."""
        return self.required_tag or "7-alpine"

    @property
    def declared(self) -> bool:
        """Whether the configuration states it."""
        return not isinstance(self.required_tag, UnsetType)


class PublicUrl(Struct, frozen=True, forbid_unknown_fields=True):
    """The address at which people open the application."""

    keys: Annotated[tuple[Name, ...], _said("The variables that hold it.")] = ("NEXTAUTH_URL",)
    local: Annotated[Url | UnsetType, _said(f"The canonical local address, else {CANONICAL_URL}.")] = UNSET
    cloud_scheme: Annotated[Literal["http", "https"], _said("The scheme of the address in the cloud.")] = "https"

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

    scope: Annotated[Scope, _said("The workflows that need it: all, those of changes, those that deploy.")] = "push_pr"
    runner: Annotated[Name, _said("The end-to-end test runner: playwright, cypress …")] = "playwright"
    literal: Annotated[bool, _said("The gate must come before all other work of the workflow.")] = False


class Ci(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of workflows."""

    gate: Annotated[Gate | UnsetType, _said("The gate that they need.")] = UNSET
    ignore_workflows: Annotated[tuple[Name, ...], _said("Workflow files without a gate; `*` is a wildcard.")] = ()


class Schema(Struct, frozen=True, forbid_unknown_fields=True):
    """Where schema migrations may run."""

    tf_only: Annotated[bool, _said("They must run from Terraform; false accepts the pipeline.")] = True


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the built-in pack, the Clean Hexagon.

    What is not set is a convention of the strategy, which is a note unless the profile is strict; what is set is the
    repository's own and is held to.
    """

    required_user: Annotated[Name | UnsetType, _said("The user that containers run as, else node.")] = UNSET
    required_dockerfile: Annotated[
        Name | UnsetType, _said("What builds the image for both sides, else Dockerfile.production.")
    ] = UNSET
    platforms: Annotated[
        tuple[Platform, ...] | UnsetType,
        _said("The platforms that every image is built for, else linux/amd64 and linux/arm64."),
    ] = UNSET
    postgres: Postgres = Postgres()
    redis: Redis = Redis()
    public_url: PublicUrl = PublicUrl()
    secret_managers: Annotated[tuple[Name, ...], _said("Where secrets of the cloud may come from.")] = MANAGERS
    external: Annotated[
        tuple[Name, ...] | UnsetType,
        _said("What Terraform of another repository defines: services such as Supabase or RDS, or ends of host names."),
    ] = UNSET
    ci: Ci = Ci()
    schema: Annotated[Schema | UnsetType, _said("Where schema migrations may run.")] = UNSET

    @property
    def user(self) -> str:
        """The user that containers run as."""
        return self.required_user or "node"

    @property
    def dockerfile(self) -> str:
        """The name of the Dockerfile that builds the image for both sides."""
        return self.required_dockerfile or "Dockerfile.production"

    @property
    def built_for(self) -> tuple[str, ...]:
        """The platforms that every image is built for."""
        return self.platforms or PLATFORMS

    @property
    def gate(self) -> Gate:
        """The gate that workflows need."""
        return self.ci.gate or Gate()

    @property
    def tf_only(self) -> bool:
        """Whether migrations must run from Terraform."""
        return (self.schema or Schema()).tf_only
