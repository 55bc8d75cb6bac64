"""Variables that the cloud gives a container under a name that nothing reads, beside one that its code asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.languages import endings
from policyengine.knowledge.variables import given_by, is_mode, likeness, publishers
from policyengine.model.nodes import Origin, Side
from policyengine.patterns import regex
from policyengine.platforms.code.package import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.knowledge.variables import Giver
    from policyengine.model.nodes import ConfigKey, ConfigModule, Package, Service, Variable
    from policyengine.repository.files import Files

_ENDINGS = (".py", ".go", ".rb", ".erb", ".php", ".cs", ".ex", ".exs", ".rs", ".sh", ".prisma", ".yml", ".yaml")
_NAMES = ("Dockerfile", "entrypoint", "Procfile", "package.json")
_LARGEST, _MOST = 200_000, 3_000
_GIVEN: tuple[Giver, ...] = ("container", "image", "role")
_WHOLE = r"(?i)(?<![a-z0-9])(?<![a-z0-9]_){}(?!_?[a-z0-9])"
_WORD = regex(r"[A-Za-z0-9]+")


class Misnaming:
    """Finds such variables; the files of the tree are searched only for names that may be mistaken, each once."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.said: dict[str, bool] = {}
        self.texts: list[str] | None = None
        self.alike: dict[tuple[str, str], float] = {}

    def of(
        self,
        service: Service,
        module: ConfigModule | None,
        keys: Sequence[ConfigKey],
        environment: Mapping[str, Variable],
        packages: Sequence[Package],
    ) -> Iterator[tuple[Variable, ConfigKey]]:
        """The variables of a service in the cloud that nothing reads, each with the one that is meant."""
        if service.side is not Side.CLOUD or module is None or any(each.ecosystem == "java" for each in packages):
            return  # Spring takes any variable for a property
        read = {name for key in keys for name in (key.key, *key.alternatives)}
        unset = [key for key in keys if environment.keys().isdisjoint((key.key, *key.alternatives))]
        for name, variable in environment.items() if unset and module.gap is None else ():
            own = variable.origin in (Origin.ENVIRONMENT, Origin.SECRET) and name not in read and not is_mode(name)
            if own and not publishers(name) and not any(given_by(name, each) for each in _GIVEN):
                meant = max(unset, key=lambda key: (self._likeness(name, key.key), key.key))
                if self._likeness(name, meant.key) and not self._is_said(name):
                    yield variable, meant

    def _likeness(self, name: str, key: str) -> float:
        """Asked once for all services with the variable."""
        if (name, key) not in self.alike:
            self.alike[name, key] = likeness(name, key)
        return self.alike[name, key]

    def _is_said(self, name: str) -> bool:
        """Whether any file of code names the variable, also as a setting (`db.host`) or by its section alone."""
        if name not in self.said:
            written = regex(_WHOLE.format("[_.:-]{0,2}".join(_WORD.findall(name))))
            section = f'"{name.partition("__")[0]}"' if "__" in name else "\0"
            texts = self._read()
            self.said[name] = not texts or any(written.search(text) or section in text for text in texts)
        return self.said[name]

    def _read(self) -> list[str]:
        """The texts of all files of code; none where there are too many."""
        if self.texts is None:
            code = self.files.ending(*_ENDINGS, *endings("javascript", "jsx", "components"))
            paths = [each for each in (*code, *self.files.named(*_NAMES)) if _is_code(each)]
            found = (self.files.read(each) for each in paths) if len(paths) <= _MOST else ()
            self.texts = [each.text for each in found if each is not None and len(each.text) <= _LARGEST]
        return self.texts


def _is_code(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    if set_aside(path) or "compose" in name or path.startswith(".github/"):
        return False
    return not name.endswith((".yml", ".yaml")) or folder.rpartition("/")[2] in ("config", "resources")
