"""The mandates of the parity strategy, and the six sides of the hexagon they belong to."""

from collections.abc import Mapping
from types import MappingProxyType

SIDES: Mapping[str, str] = MappingProxyType(
    {
        "1": "Mirroring",
        "2": "Containerization",
        "3": "Configuration",
        "4": "Data services",
        "5": "Networking and URLs",
        "6": "Pipeline",
    }
)
"""The title of each side, by the first digit of its rules' numbers."""

MANDATES: Mapping[str, str] = MappingProxyType(
    {
        "1.1": (
            "The local Compose stack is an exact replica of the cloud; every divergence is technical debt, so it is "
            "either fixed or waived with reason, owner and expiry."
        ),
        "2.1": "The same Dockerfile (`Dockerfile.production`) builds the local and the cloud image.",
        "2.2": "Images are built for linux/amd64 (cloud) and linux/arm64 (Apple Silicon) with Buildx.",
        "2.3": "Both environments run as the `node` user.",
        "3.1": "Local variables come from `.env.local`, loaded by Compose.",
        "3.2": "Cloud variables are injected from Infisical or AWS Secrets Manager.",
        "3.3": (
            "One central `config.ts` throws at start-up when a mandatory variable is missing, in both environments."
        ),
        "4.1": "Local Postgres is the exact minor version of RDS / Supabase (currently major 16).",
        "4.2": "Local Postgres has pgvector installed, so that similarity queries behave identically.",
        "4.3": "Local Redis is `7-alpine`, the version of the cloud provider.",
        "5.1": ("Inside containers, services address each other by Docker names (`db:5432`, never `localhost:5434`)."),
        "5.2": "`NEXTAUTH_URL=http://127.0.0.1:3005` everywhere locally, for cookie stability.",
        "5.3": "CORS tests use a hosts-file alias (`hndigest.local`).",
        "6.1": (
            "Every GitHub Actions run starts by bringing up the local Compose file and running the Playwright tests."
        ),
        "6.2": "What passed there is what is deployed: the images are identical.",
        "6.3": "Terraform defines every cloud resource (RDS, Redis, ECS).",
        "6.4": "Local schema changes are reflected in Terraform migration scripts.",
    }
)
"""The text of each mandate, by its id."""
