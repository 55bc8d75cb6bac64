"""Applications that are not written for Node: that they have settings is told, which ones is not read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from policyengine.model.nodes import ConfigModule, Side
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.repository.files import Files


def application(path: str, manifests: Sequence[str], files: Files) -> str:
    """The nearest folder upward that holds a manifest, the root when none does."""
    folder = parent(path)
    while folder:
        if any(files.exists(f"{folder}/{name}") for name in manifests):
            return folder
        folder = parent(folder)
    return ""


class _Language(NamedTuple):
    """How the settings of a language look: the files, what they contain, and its manifests."""

    name: str
    path: re.Pattern[str]
    libraries: tuple[tuple[str, re.Pattern[str]], ...]
    manifests: tuple[str, ...]


_LANGUAGES = (
    _Language(
        "Python",
        regex(
            r"(?:.+/)?(?:settings|config|configuration|env|environment|app_config|app_settings|configs)\.py"
            r"|(?:.+/)?(?:settings|config|configs)/(?:\w+)\.py"
        ),
        (
            ("pydantic", regex(r"\bBaseSettings\b")),
            ("django-environ", regex(r"\benviron\.(?:Fileaware)?Env\(|\bfrom environ import")),
            ("decouple", regex(r"\b(?:from|import) decouple\b")),
            ("environs", regex(r"\b(?:from|import) environs\b")),
            ("dynaconf", regex(r"\bdynaconf\b", re.IGNORECASE)),
            ("starlette", regex(r"\bstarlette\.config\b")),
            (
                "os.environ",
                regex(r"\bos\.environ\b|\bos\.getenv\b|\bfrom os import (?:environ|getenv)|\bgetenv\("),
            ),
        ),
        ("pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "manage.py", "requirements.in", "uv.lock"),
    ),
    _Language(
        "Ruby",
        regex(r"(?:.+/)?config/application\.rb|(?:.+/)?config/(?:environment|settings|config)\.rb"),
        (("rails", regex(r"\bRails\b|\bENV\b")),),
        ("Gemfile",),
    ),
    _Language(
        "PHP",
        regex(r"(?:.+/)?config/(?:app|services|bundles|database)\.(?:php|ya?ml)"),
        (("laravel", regex(r"\benv\(")), ("symfony", regex(r"%env\(|Symfony"))),
        ("composer.json",),
    ),
    _Language(
        "Go",
        regex(r"(?:.+/)?(?:config|configuration|env|settings|conf)\.go|(?:.+/)?(?:config|env|settings|conf)/\w+\.go"),
        (
            ("envconfig", regex(r"\benvconfig\b")),
            ("viper", regex(r"\bspf13/viper\b")),
            ("cleanenv", regex(r"\bcleanenv\b")),
            ("env", regex(r"\bcaarlos0/env\b")),
            ("os", regex(r"\bos\.(?:Getenv|LookupEnv)\b")),
        ),
        ("go.mod",),
    ),
    _Language(
        "JVM",
        regex(r"(?:.+/)?src/main/resources/(?:config/)?application[\w-]*\.(?:ya?ml|properties|conf)"),
        (("spring", regex(r"\$\{|^spring|^server|^quarkus|^micronaut|\?[A-Z_]+", re.MULTILINE)),),
        ("pom.xml", "build.gradle", "build.gradle.kts", "build.sbt"),
    ),
    _Language(
        "Rust",
        regex(r"(?:.+/)?src/(?:.+/)?(?:config|configuration|env|settings)(?:/mod)?\.rs"),
        (
            ("envy", regex(r"\benvy::")),
            ("figment", regex(r"\bfigment\b")),
            ("config", regex(r"\bconfig::(?:Config|Environment)\b")),
            ("std", regex(r"\benv::var\b|\benv!\(|\bdotenv|#\[(?:arg|clap)\(.*\benv\b")),
        ),
        ("Cargo.toml",),
    ),
    _Language(
        "Elixir",
        regex(r"(?:.+/)?config/(?:runtime|releases)\.exs"),
        (("config", regex(r"System\.(?:fetch_env!|get_env)")),),
        ("mix.exs",),
    ),
    _Language(
        ".NET",
        regex(r"(?:.+/)?appsettings\.json"),
        (("dotnet", regex(r"\{")),),
        (),
    ),
)


_NO_SETTINGS = regex(
    r"(?:^|/)(?:\.\w[\w-]*|alembic\w*|\w*migrations?|load[-_]?tests?|locust|scripts?|tools?|docs?|demos?|demo_apps)/"
)


_ENDINGS = (".py", ".rb", ".php", ".yml", ".yaml", ".go", ".properties", ".conf", ".rs", ".exs")


def other_modules(files: Files) -> Iterator[ConfigModule]:
    """One module without keys for each application that is not written for Node."""
    done: dict[str, tuple[tuple[int, int, str], ConfigModule]] = {}
    for path in sorted({*files.ending(*_ENDINGS), *files.named("appsettings.json")}):
        language = next((each for each in _LANGUAGES if each.path.fullmatch(path)), None)
        if language is None or set_aside(path) or _NO_SETTINGS.search(path):
            continue
        source = files.read(path)
        if source is None:
            continue
        for order, (name, pattern) in enumerate(language.libraries):
            if not pattern.search(source.text):
                continue
            directory = application(path, language.manifests, files) if language.manifests else parent(path)
            rank = (order, path.count("/"), path)
            if directory not in done or rank < done[directory][0]:
                span = source.span(0, 0)
                module = ConfigModule(
                    id=f"config:{path}",
                    name=path,
                    side=Side.SOURCE,
                    span=span,
                    path=path,
                    directory=directory,
                    library=name,
                    keys=(),
                    gap=Unknown(f"settings in {language.name} are not read", span),
                )
                done[directory] = (rank, module)
            break
    for _, module in done.values():
        yield module
