"""No generator is ended by another's end: StopIteration, in one, becomes a RuntimeError."""

from __future__ import annotations

import ast
from pathlib import Path

import liax


def _bare_next_in_generators(tree: ast.Module) -> list[int]:
    """Lines where a generator calls next() of something without saying what follows its end."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(n, ast.Yield | ast.YieldFrom) for n in _own(node)
        ):
            inside = list(_own(node))
        elif isinstance(node, ast.GeneratorExp):
            inside = list(ast.walk(node))
        else:
            continue
        calls = [n for n in inside if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        found += [n.lineno for n in calls if n.func.id == "next" and len(n.args) == 1]  # type: ignore[attr-defined]
    return sorted(set(found))


def _own(function: ast.FunctionDef) -> list[ast.AST]:
    """All that is in a function but not in one that it defines."""
    waiting: list[ast.AST] = list(function.body)
    own = []
    while waiting:
        node = waiting.pop()
        own.append(node)
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return own


def test_generators_say_what_follows_the_end_of_another() -> None:
    package = Path(liax.__file__).parent
    found = {
        str(path.relative_to(package)): lines
        for path in package.rglob("*.py")
        if (lines := _bare_next_in_generators(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_a_bare_next_is_noticed() -> None:
    code = "def f(x):\n    yield next(x)\ny = (next(a) for b in c)\ndef g(x):\n    return next(x)\n"
    assert _bare_next_in_generators(ast.parse(code)) == [2, 3]
