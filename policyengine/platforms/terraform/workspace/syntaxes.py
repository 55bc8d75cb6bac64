"""Parses blocks on demand, each once, with a cache of the syntax and worker processes for large amounts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from policyengine.model.budget import Budget
from policyengine.model.source import ReadError, Source, WorkerDied
from policyengine.repository.cache import NOTHING, Cache, content_key
from policyengine.syntax.hcl.syntax import Body, Embedded, Expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from policyengine.syntax.hcl import RawAttribute, RawBlock

KIND = "hcl"
PARALLEL_FROM = 4_000_000
"""So many characters of unparsed blocks, two seconds of work, make worker processes worth their start."""

_CHUNK = 60_000


class Syntaxes(Struct):
    """The syntax of blocks and attributes by file and offset. `problems` are those met on the way, each once.

    `budget` is what the evaluation of all root modules draws from.
    """

    cache: Cache = NOTHING
    problems: dict[tuple[str, int], ReadError] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    _known: dict[tuple[str, int], Body | Expression] = field(default_factory=dict)
    _stored: dict[str, dict[int, object]] = field(default_factory=dict)
    _changed: dict[str, Source] = field(default_factory=dict)

    def body(self, source: Source, block: RawBlock) -> Body:
        """The body of a block; an empty one where it cannot be read, and then the problem is on record."""
        found = self.syntax(source, block)
        return found if isinstance(found, Body) else Body(block.body_start, block.body_end, (), ())

    def value(self, source: Source, attribute: RawAttribute) -> Expression | None:
        """The value of an attribute, or None where it cannot be read."""
        found = self.syntax(source, attribute)
        return None if isinstance(found, Body) else found

    def readable(self, source: Source, raw: RawBlock | RawAttribute) -> bool:
        """Whether a block that was asked for could be read."""
        return (source.path, raw.start) not in self.problems

    def syntax(self, source: Source, raw: RawBlock | RawAttribute) -> Body | Expression | None:
        """The syntax of a block or attribute, or None where it cannot be read."""
        key = (source.path, raw.start)
        if key in self._known:
            return self._known[key]
        if key in self.problems:
            return None
        stored = self._entries(source).get(raw.start) if raw.document is None else None
        kept = None if stored is None else _decode(stored)
        try:
            found = kept or self._parse(source, raw)
        except ReadError as error:
            self.problems[key] = error
            return None
        self._known[key] = found
        if kept is None and raw.document is None:
            self._keep(source, raw.start, found)
        return found

    def _parse(self, source: Source, raw: RawBlock | RawAttribute) -> Body | Expression:
        if raw.document is None:
            from policyengine.syntax.hcl.grammar import load  # noqa: PLC0415 - only where something is parsed

            load(self.cache)
        return _parse(source, raw)

    def _entries(self, source: Source) -> dict[int, object]:
        if source.path not in self._stored:
            entry = self.cache.load(KIND, _key(source)) if self.cache.directory is not None else None
            self._stored[source.path] = entry if isinstance(entry, dict) else {}
        return self._stored[source.path]

    def _keep(self, source: Source, start: int, found: Body | Expression) -> None:
        if self.cache.directory is None:
            return
        from policyengine.syntax.hcl.encode import encode  # noqa: PLC0415 - only with a cache

        if not _embeds(found):
            self._entries(source)[start] = encode(found)
            self._changed[source.path] = source

    def missing(self, source: Source, raw: RawBlock | RawAttribute) -> bool:
        """Whether a block is neither parsed nor in the cache."""
        key = (source.path, raw.start)
        return (
            raw.document is None
            and key not in self._known
            and key not in self.problems
            and raw.start not in self._entries(source)
        )

    def prepare(self, wanted: Iterable[tuple[Source, RawBlock | RawAttribute]], jobs: int) -> None:
        """Parse many blocks, in worker processes where the amount justifies it.

        Raises:
            WorkerDied: a worker was killed.
        """
        lacking = [(source, raw) for source, raw in wanted if self.missing(source, raw)]
        amount = sum(raw.end - raw.start for _, raw in lacking)
        if jobs <= 1 or amount < PARALLEL_FROM:
            return  # each is parsed when it is asked for
        import marshal  # noqa: PLC0415 - as below
        from concurrent.futures import BrokenExecutor, ProcessPoolExecutor  # noqa: PLC0415 - only for large trees

        from policyengine.syntax.hcl.encode import decode  # noqa: PLC0415 - as above
        from policyengine.syntax.hcl.grammar import load  # noqa: PLC0415 - as above

        load(self.cache)  # so that no worker makes the grammar's table
        tasks = list(_tasks(lacking))
        try:
            with ProcessPoolExecutor(min(jobs, len(tasks)), initializer=_attend) as pool, _stopping(pool):
                with _undisturbed():
                    made = pool.map(parse_task, tasks)
                for (texts, _), results in zip(tasks, made, strict=True):
                    for (source, raw), result in zip(texts, marshal.loads(results), strict=True):  # noqa: S302 - ours
                        key = (source.path, raw.start)
                        if isinstance(result, list):
                            message, start, end, advice = result
                            self.problems[key] = ReadError(message, source.span(start, end), advice)
                        else:
                            self._known[key] = decode(result)
                            if self.cache.directory is not None:
                                self._entries(source)[raw.start] = result
                                self._changed[source.path] = source
        except BrokenExecutor as error:
            raise WorkerDied from error

    def flush(self) -> None:
        """Write what was parsed anew to the cache."""
        for path in sorted(self._changed):
            self.cache.store(KIND, _key(self._changed[path]), self._stored[path])
        self._changed.clear()


def _attend() -> None:
    """In a worker: end with the process that started it, however that ends, and leave Ctrl-C to it."""
    import os  # noqa: PLC0415 - in the worker
    import signal  # noqa: PLC0415 - in the worker
    from multiprocessing import connection, parent_process  # noqa: PLC0415 - in the worker
    from threading import Thread  # noqa: PLC0415 - in the worker

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    above = parent_process()

    def wait() -> None:
        connection.wait([above.sentinel] if above is not None else [])
        os._exit(1)

    Thread(target=wait, daemon=True).start()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits while workers are started: what Python does around a fork would lose it."""
    import signal  # noqa: PLC0415 - only for large trees

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


@contextmanager
def _stopping(pool: Executor) -> Iterator[None]:
    """What ends the work early leaves no task to be waited for."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


Task = tuple[list[tuple[Source, "RawBlock | RawAttribute"]], int]


def _tasks(lacking: Sequence[tuple[Source, RawBlock | RawAttribute]]) -> Iterable[Task]:
    chunk: list[tuple[Source, RawBlock | RawAttribute]] = []
    size = 0
    for source, raw in lacking:
        chunk.append((source, raw))
        size += raw.end - raw.start
        if size >= _CHUNK:
            yield chunk, size
            chunk, size = [], 0
    if chunk:
        yield chunk, size


def parse_task(task: Task) -> bytes:
    """In a worker: each block's syntax as tuples, or the parts of the error as a list, in the form of marshal."""
    import marshal  # noqa: PLC0415 - in the worker

    from policyengine.syntax.hcl.encode import encode  # noqa: PLC0415 - loaded in the worker

    results: list[Any] = []
    for source, raw in task[0]:
        try:
            results.append(encode(_parse(source, raw)))
        except ReadError as error:
            results.append([error.message, error.span.start, error.span.end, error.advice])
    return marshal.dumps(results)


def _parse(source: Source, raw: RawBlock | RawAttribute) -> Body | Expression:
    from policyengine.syntax.hcl import RawBlock as NestedBlock  # noqa: PLC0415 - loads nothing heavy, but cyclic types
    from policyengine.syntax.hcl import parse, parse_attribute  # noqa: PLC0415 - as above

    if raw.document is not None:
        from policyengine.syntax.hcl import json_syntax  # noqa: PLC0415 - rare

        if isinstance(raw, NestedBlock):
            return json_syntax.body(source, raw.document)
        return json_syntax.expression(source, raw.document)
    if isinstance(raw, NestedBlock):
        return parse(source, raw)
    return parse_attribute(source, raw)


def _decode(stored: object) -> Body | Expression | None:
    """What is kept of a block; None where that is no syntax."""
    from policyengine.syntax.hcl.encode import decode  # noqa: PLC0415 - only with a cache

    try:
        found: Body | Expression = decode(stored)  # type: ignore[arg-type]
    except (TypeError, ValueError, LookupError, RecursionError):
        return None
    return found


def _embeds(found: Body | Expression) -> bool:
    return isinstance(found, Embedded)


def _key(source: Source) -> str:
    from policyengine.syntax.hcl.encode import VERSION  # noqa: PLC0415 - only with a cache

    return content_key(f"hcl {VERSION}", source.text)
