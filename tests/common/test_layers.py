"""The import contracts of pyproject.toml name every kind of file that is an app's own."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OWN_KINDS = ("admin", "api", "management", "tasks", "urls", "views")


@pytest.mark.parametrize("app", ["engagements", "finance"])
def test_what_is_an_apps_own_is_closed_to_the_apps_above(app):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    closed = {
        module
        for contract in contracts
        if contract["type"] == "forbidden" and "reporting" in contract["source_modules"]
        for module in contract["forbidden_modules"]
    }
    own = {
        f"{app}.{kind}"
        for kind in OWN_KINDS
        if (ROOT / app / f"{kind}.py").exists() or (ROOT / app / kind / "__init__.py").exists()
    }
    assert own <= closed, "add it to the contract in pyproject.toml"
