"""The only step across sides: what belongs together, and which local node mirrors which cloud node."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.names import alike, speaks_of_production
from policyengine.linking.arguments import told
from policyengine.linking.builds import (
    built_from,
    called_alike,
    deployed,
    in_lower_case,
    lent,
    pushed_alike,
    same_local_image,
)
from policyengine.linking.connections import configured, connected
from policyengine.linking.containers import containers
from policyengine.linking.created import created
from policyengine.linking.datastores import complete, emulated, of_supabase, running
from policyengine.linking.declared import apply_facts, ignored
from policyengine.linking.images import published
from policyengine.linking.pairs import pairing
from policyengine.linking.started import served
from policyengine.model.graph import PRODUCTION_PROJECT, Choice, Graph, sorted_nodes
from policyengine.model.nodes import Datastore, Node, Package, Role, Service, Side, Stage
from policyengine.model.nodes.container import ECS, PRODUCTION_COMPOSE, ROLLED_OUT, TASK_FILES
from policyengine.model.value import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from policyengine.linking.evidence import Evidence
    from policyengine.platforms import Lowered
    from policyengine.repository.configuration import Config
    from policyengine.repository.files import Files


def _packages(graph: Graph) -> Iterator[str]:
    """What the manifests in the root's folder call the system."""
    for package in graph.all(Package):
        if not package.directory and package.span.start:
            yield package.name


def link(
    parts: Sequence[Lowered],
    config: Config,
    files: Files,
    evidence: Sequence[Evidence] = (),
    project: str = "",
    survived: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Graph:
    """One graph of what the lowering steps made. `evidence` for pairs is added to the strategy's own.

    `project` is what the repository is called, wherever it was cloned to. Each step runs within what `survived` makes
    of its name: an error that is survived there costs what the step would have found, and nothing else.

    Raises:
        UsageError: the configuration names a service or an address that is not there.
    """
    nodes = {node.id: node for part in parts for node in part.nodes}
    choices = [choice for part in parts for choice in part.choices]
    _without_second_tasks(nodes)
    _without_second_rollout(nodes, choices)
    _without_second_production(nodes, choices)
    edges = {edge for part in parts for edge in part.edges}

    with survived("what is built"):
        nodes.update((each.id, each) for each in list(told(nodes.values(), files)) if each.id in nodes)
        nodes.update((each.id, each) for each in list(in_lower_case(nodes.values(), files)))
        stages = [node for node in nodes.values() if isinstance(node, Stage)]
        edges |= set(built_from(nodes.values(), stages))
        edges |= set(same_local_image(nodes.values(), edges))
    with survived("what runs a datastore"):
        complete(nodes, edges)
        edges |= set(running(nodes.values(), edges))
        for store, edge in list(emulated(nodes.values())):
            nodes[store.id] = store
            edges.add(edge)
        nodes.update((each.id, each) for each in list(of_supabase(nodes.values())))
    with survived("what is deployed"):
        edges |= set(deployed(nodes.values(), edges))
    with survived("what connects to what"):
        edges |= set(connected(nodes, edges))
        edges |= set(configured(nodes.values(), edges))
    with survived("what is started for tests"):
        nodes.update((each.id, each) for each in list(served(nodes.values(), files)))
    apply_facts(nodes, config)
    without = ignored(nodes.values(), config)
    graph = Graph(
        nodes=sorted_nodes(nodes.values()),
        edges=tuple(sorted(edges, key=lambda edge: (edge.kind, edge.source, edge.target, edge.reason))),
        choices=tuple(sorted(dict.fromkeys(choices), key=lambda choice: choice.what.lower())),
        equivalences=config.equivalences,
        paths=tuple(files.paths),
        ignored=without,
        sealed=tuple(dict.fromkeys(each for part in parts for each in part.sealed)),
        declaring=tuple(each for part in parts for each in part.declaring),
    )
    with survived("what runs in containers"):
        graph = graph.equipped(tuple(containers(graph, files)), tuple(published(graph)))
    names = {project, *(name for part in parts for name in part.names), *_packages(graph)}
    with survived("what mirrors what"):
        graph = paired(graph, config, (*evidence, *created(graph.nodes, files)), " ".join(sorted(names)))
        more = tuple(pushed_alike(graph))
        known = {edge.source for edge in more}
        more += tuple(edge for edge in lent(graph) if edge.source not in known)
        known = {edge.source for edge in more}
        more += tuple(edge for edge in called_alike(graph) if edge.source not in known)
        if more:
            checked = configured(graph.nodes, {*graph.edges, *more})
            graph = graph.connected((*more, *(edge for edge in checked if edge not in graph.edges)))
            anew = {each.id: each for each in containers(graph, files, {edge.source for edge in more})}
            graph = graph.equipped(tuple(anew.get(each.id, each) for each in graph.running), graph.published)
    return graph


def paired(graph: Graph, config: Config, evidence: Sequence[Evidence], called: str) -> Graph:
    """A graph with its pairs. `called` is what the system as a whole is called.

    Raises:
        UsageError: as `link`.
    """
    found = pairing(graph, config, evidence, called)
    return graph.paired(found.pairs, found.unpaired, called)


def _without_second_tasks(nodes: dict[str, Node]) -> None:
    """Take away the task definitions in JSON where Terraform makes the tasks of ECS."""
    tasks = [each for each in nodes.values() if isinstance(each, Service) and each.noun == ECS]
    left = {each.id for each in tasks if each.group.startswith(TASK_FILES)}
    if len(left) < len(tasks):
        for name in [each.id for each in nodes.values() if each.id in left or getattr(each, "service", "") in left]:
            del nodes[name]


def _without_second_rollout(nodes: dict[str, Node], choices: Sequence[Choice]) -> None:
    """Take away the services that workflows make where files declare what runs applications in the cloud.

    One that is declared under the same name has the variables, too, that the workflow sets.
    Not for a Compose file that only what it says of itself makes production: what a workflow does tells more.
    """
    running = [each for each in nodes.values() if isinstance(each, Service) and each.side is Side.CLOUD]
    left = {each.id for each in running if each.id.startswith(ROLLED_OUT)}
    meant = (each for each in choices if each.what == PRODUCTION_PROJECT and each.guessed)
    unsure = any(not speaks_of_production(each.chosen) for each in meant)
    others = (each for each in running if each.id not in left and not (unsure and each.noun == PRODUCTION_COMPOSE))
    declared = any(each.role in (Role.APP, Role.PROXY, Role.JOB) for each in others)
    for made in (each for each in running if each.id in left and (declared or isinstance(each.image, Unknown))):
        del nodes[made.id]
        same = [each for each in running if each.id not in left and made.name in (each.name, *each.names)]
        if len(same) == 1 and isinstance(service := nodes.get(same[0].id), Service):
            own = {each.key for each in service.environment}
            more = [each for each in made.environment if each.key not in own]
            nodes[service.id] = replace(service, environment=(*service.environment, *more))


def _without_second_production(nodes: dict[str, Node], choices: list[Choice]) -> None:
    """Take away the production Compose project where the files say what else runs applications in the cloud.

    One that a script or a workflow starts there runs beside others, of which none is called as its services are.
    """
    running = [each for each in nodes.values() if isinstance(each, Service) and each.side is Side.CLOUD]
    left = {each.id for each in running if each.noun == PRODUCTION_COMPOSE}
    others = [each for each in running if each.role is Role.APP and each.id not in left]
    started = any(each.what == PRODUCTION_PROJECT and not each.guessed for each in choices)
    if started and not any(alike(each.name, one.name) for each in others for one in running if one.id in left):
        return
    if left and others:
        told = all(each.group.startswith(TASK_FILES) for each in running if each.id not in left)
        other = "ECS" if told else "Terraform"
        stores = [each.id for each in nodes.values() if isinstance(each, Datastore) and each.service in left]
        for name in (*left, *stores):
            del nodes[name]
        for number, choice in enumerate(choices):
            if choice.what == PRODUCTION_PROJECT:
                choices[number] = replace(
                    choice, chosen="none", reason=f"{choice.chosen} is left out: {other} runs the services"
                )
