"""Platforms of images: their normal form, and that of the machines that build them."""

from __future__ import annotations

import re

from msgspec import Struct, field

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.knowledge.names import words


class Meant(Struct, frozen=True, forbid_unknown_fields=True):
    """The architecture that a name means."""

    architecture: str
    source: str


class Stop(Struct, frozen=True, forbid_unknown_fields=True):
    """How many seconds a container gets to stop where nothing is said, before it is killed."""

    seconds: float
    source: str


class Platforms(FactTable, frozen=True):
    """The table.

    `architectures` are other names of one, and those with the variant that it has anyway. A runner is what a word in
    its label says (`runner_words`), or else what its label begins with (`runners`). `machines` are expressions for the
    whole type of a virtual machine. By what people call a container go `stops` and `services`, which have only one
    platform. `file_words` tell for what a file that is downloaded is made; who asks one of the `questions` learns it.
    """

    architectures: dict[str, Meant]
    runner_words: dict[str, Meant]
    runners: dict[str, Meant]
    file_words: dict[str, Meant]
    questions: dict[str, Cited]
    services: dict[str, Meant]
    machines: dict[str, Meant]

    stops: dict[str, Stop]
    _file_word: list[re.Pattern[str]] = field(default_factory=list)

    @property
    def file_word(self) -> re.Pattern[str]:
        """What finds one of the `file_words` in a text."""
        if not self._file_word:
            names = "|".join(map(re.escape, sorted(self.file_words, key=len, reverse=True)))
            self._file_word.append(re.compile(rf"(?:^|[^a-z0-9])({names})(?:[^a-z0-9]|$)", re.IGNORECASE))
        return self._file_word[0]


def _platforms() -> Platforms:
    return table("platforms", Platforms)


def platform(text: str) -> str:
    """A platform in BuildKit's normal form: `linux/arm64/v8`, `aarch64` and ECS's `ARM64` are `linux/arm64`."""
    system, slash, architecture = text.strip().lower().partition("/")
    if not slash:
        system, architecture = "linux", system
    found = _platforms().architectures.get(architecture)
    return f"{system}/{architecture if found is None else found.architecture}"


def platform_of_runner(label: str) -> str | None:
    """The platform of a CI runner by its label, `ubuntu-24.04-arm`; None where it does not tell."""
    known, name = _platforms(), label.strip().lower()
    said = next((known.runner_words[word] for word in words(name) if word in known.runner_words), None)
    begun = next((entry for start, entry in known.runners.items() if name.startswith(start)), None)
    found = said or begun
    return None if found is None else f"linux/{found.architecture}"


def platform_of_service(noun: str) -> str | None:
    """The only platform of a cloud, by what people call its container; None where there are several."""
    found = _platforms().services.get(noun)
    return None if found is None else f"linux/{found.architecture}"


def platform_of_machine(typed: str) -> str | None:
    """The platform of a virtual machine by its type, `t4g.small`; None where that does not tell."""
    found = next((each for form, each in _platforms().machines.items() if re.fullmatch(form, typed.lower())), None)
    return None if found is None else f"linux/{found.architecture}"


def architecture_in(text: str) -> str:
    """The word for an architecture in the name of a file, `x86_64` of `awscli-exe-linux-x86_64.zip`; empty for none."""
    found = _platforms().file_word.search(text)
    return "" if found is None else found[1]


def architecture(word: str) -> str:
    """The architecture that such a word means, as BuildKit writes it: `amd64` of `x64`."""
    return _platforms().file_words[word.lower()].architecture


def asks_for_architecture(text: str) -> bool:
    """Whether a word of a script asks for the architecture: `${TARGETARCH}`, `$(uname -m)`."""
    for question in _platforms().questions:
        if question in text and (
            not question.islower() or " " in question or re.search(rf"(?:^|[(`\s]){question}\b", text)
        ):
            return True
    return False


def stops_after(noun: str) -> float | None:
    """The seconds that a container has to stop by default, by what people call it; None where that is not known."""
    found = _platforms().stops.get(noun)
    return None if found is None else found.seconds
