"""Names say what a thing is, and a name used twice means the same in both places."""

import ast
from collections import defaultdict
from typing import Final

from tests.rules.repository import BOT, name, tree

MODULES: Final = {
    "admission": "whether a request may proceed: an interaction, and a song",
    "announcements": "songs announced in a channel: sending, and their rows",
    "budget_alerts": "alerts about a server's allowance: sending, and their rows",
    "cards": "the message that follows a song: its due time, and its looks",
    "erasure": "a member's deletion: carrying it out, and its rows",
    "jobs": "jobs: the operator's commands, and their rows",
    "kie": "kie.ai's API: the client, and the sandbox",
    "lyrics": "lyrics: written by a service, shown by a button, composed by the sandbox",
    "postgresql": "the engine, and the doctor's checks of it",
    "ratings": "ratings: giving them, and their rows",
    "runner": "what runs jobs, and what runs the doctor's checks",
    "servers": "servers: the operator's commands, and their rows",
    "upstream_balance": "the balance at the music service: watching it, and the doctor's check",
}
"""Modules in several packages, with the one meaning of their name."""

PARTICIPLES: Final = frozenset(
    {"found", "said", "kept", "told", "shown", "known", "wanted", "asked", "seen", "given", "meant", "made"}
)
"""Names that say what was done to a value instead of what it is."""

CLASSES: Final = {
    "Accepted": "an accepted request for a song: by the music service, and by the intake",
    "Answer": "the music service's response",
    "Database": "the interface, and each engine",
    "Filling": "the interface, and PostgreSQL's",
    "Row": "the interface, and PostgreSQL's",
    "Tx": "the interface, and PostgreSQL's",
    "Writer": "the writing connection of each engine",
}
"""Public classes in several modules, with the one meaning of their name."""


def test_a_module_name_that_stands_twice_has_one_meaning() -> None:
    places = defaultdict(list)
    for path in BOT:
        places[path.stem].append(name(path))

    twice = {stem for stem, paths in places.items() if len(paths) > 1 and not stem.startswith("__")}

    assert set(MODULES) == twice


def test_a_class_name_that_stands_twice_has_one_meaning() -> None:
    places = defaultdict(list)
    for path in BOT:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name(path))

    twice = {each for each, paths in places.items() if len(paths) > 1}

    assert set(CLASSES) == twice


def test_variables_are_nouns_not_participles() -> None:
    variables = {
        f"{name(path)}: {function.name}: {each}"
        for path in BOT
        for function in ast.walk(tree(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        for each in [node.arg if isinstance(node, ast.arg) else getattr(node, "id", "")]
        if each in PARTICIPLES
    }

    assert set() == variables
