"""Every instruction of a Dockerfile, with its words as BuildKit would see them where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field

from policyengine.model.declaration import (
    Declaration,
    DeclarationKind,
    Declarations,
    Elements,
    Entries,
    numbered,
    of_text,
)
from policyengine.model.nodes import Side
from policyengine.model.value import Absent, Known
from policyengine.platforms.docker.image import Lowering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.declaration import Content
    from policyengine.model.source import Span
    from policyengine.platforms.docker.image_values import BuildScope
    from policyengine.platforms.docker.state import State
    from policyengine.syntax.dockerfile import Argument, Dockerfile, Instruction


def declarations(dockerfile: Dockerfile) -> Declarations:
    """The instructions of a Dockerfile in order; that of its stages is built on is the FROM of each."""
    made: dict[str, Declaration] = {}

    def all_of_it() -> dict[str, Declaration]:
        if not made:
            listening = _Listening(dockerfile, {}, {})
            listening.run()
            made.update((each.id, each) for each in listening.found)
        return made

    def find(_: DeclarationKind, type_: str) -> Iterator[Declaration]:
        return (each for each in all_of_it().values() if type_ in ("", each.type))

    def made_of(node_id: str, _place: Span) -> Declaration | None:
        return (
            all_of_it().get(f"{node_id}[FROM]") if node_id.startswith(f"dockerfile:{dockerfile.source.path}#") else None
        )

    return Declarations(frozenset({DeclarationKind.INSTRUCTION}), find, made_of, made)


class _Listening(Lowering):
    """Reads a Dockerfile as it is read for its stages, and keeps every instruction as it is met."""

    found: list[Declaration] = field(default_factory=list)
    stage: str = ""
    ids: dict[str, int] = field(default_factory=dict)
    own: frozenset[int] = frozenset()  # the instructions of the file, which triggers of an image are not among

    def __post_init__(self) -> None:
        self.own = frozenset(map(id, self.dockerfile.instructions))

    def _meta(self, instruction: Instruction) -> None:
        self._keep(instruction, self.global_scope)
        super()._meta(instruction)

    def _from(self, head: Instruction, word: Argument) -> State:
        words = head.words()
        named = words[2].text.lower() if len(words) > 2 and words[1].text.upper() == "AS" else ""
        self.stage = f"dockerfile:{self.dockerfile.source.path}#{named or len(self.made)}"
        self._keep(head, self.global_scope)
        return super()._from(head, word)

    def _apply(self, state: State, instruction: Instruction) -> None:
        if id(instruction) in self.own:
            self._keep(instruction, state.scope)
        super()._apply(state, instruction)

    def _keep(self, instruction: Instruction, scope: BuildScope) -> None:
        """The instruction with its words as they are in this scope."""
        said = self._said(instruction, scope)
        within = f"{self.stage}[FROM]" if self.stage and instruction.keyword != "FROM" else ""
        own = numbered(f"{self.stage or f'dockerfile:{self.dockerfile.source.path}'}[{instruction.keyword}]", self.ids)
        self.found.append(
            Declaration(
                id=own,
                name=instruction.keyword,
                side=Side.SOURCE,
                span=instruction.keyword_span,
                kind=DeclarationKind.INSTRUCTION,
                type=instruction.keyword,
                given=lambda: tuple(said),
                read=lambda key: said.get(key, Absent(instruction.keyword_span)),
                within=within,
            )
        )

    def _said(self, instruction: Instruction, scope: BuildScope) -> dict[str, Content]:
        """What an instruction says, by what it is called in the reference of declarations."""
        place, whole = instruction.span, instruction.argument
        made: dict[str, Content] = {} if whole is None else {"text": of_text(whole.content)}
        words = [self._value(word, scope) for word in instruction.words()]
        for flag in instruction.flags:
            flags = made.setdefault("flags", Entries({}, place))
            if isinstance(flags, Entries):
                made["flags"] = Entries({**flags.entries, flag.name: self._flag(flag, scope)}, place)
        script = instruction.script() if instruction.keyword in ("RUN", "CMD", "ENTRYPOINT") else None
        match instruction.keyword:
            case "FROM" if words:
                first = words[0]
                known = isinstance(first, Known) and self._stage_named(first.value) is not None
                made["parent" if known else "image"] = first
                if len(words) > 2:
                    made["stage"] = words[2]
            case "COPY" | "ADD" if words:
                made["sources"], made["target"] = Elements(tuple(words[:-1]), place), words[-1]
            case "ENV" | "LABEL" | "ARG":
                pairs = [
                    (each.key.text, self._value(each.value, scope) if each.value is not None else Absent(each.key.span))
                    for each in instruction.pairs()
                ]
                made["values"] = Entries(dict(pairs), place)
            case _ if script is not None:
                made["script"] = Known(script.written, script.place)
            case "ONBUILD":
                trigger = instruction.trigger()
                if trigger is not None:
                    made["instruction"] = Known(trigger.keyword, trigger.keyword_span)
            case _:
                made["words"] = Elements(tuple(words), place)
        return made
