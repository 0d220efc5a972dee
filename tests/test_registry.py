"""The tables are the only places of registration, and every entry keeps the contract."""

import dataclasses
from typing import Any

import pytest

import tiny_bundles
from edgewright import records
from edgewright.commands import COMMANDS
from edgewright.families import FAMILIES
from edgewright.families.base import Model
from edgewright.tasks.base import Task


def test_families_and_recipes_have_the_same_keys() -> None:
    recipes = pytest.importorskip("edgewright_export.recipes")
    assert set(FAMILIES) == set(recipes.RECIPES)
    for key, recipe in recipes.RECIPES.items():
        assert recipe.family == key
        assert recipe.architectures


@pytest.mark.parametrize("key", FAMILIES)
def test_every_family_keeps_the_contract(key: str) -> None:
    family: type[Model[Any]] = FAMILIES[key]
    assert family.family == key
    assert issubclass(family.task, Task)
    assert family.infer is not Model.infer
    assert dataclasses.is_dataclass(family.config_type)
    assert family.config_type.__dataclass_params__.frozen
    assert records.schema(family.config_type)["additionalProperties"] is False


@pytest.mark.parametrize("key", FAMILIES)
def test_every_family_has_the_command_of_its_task(key: str) -> None:
    task = FAMILIES[key].task
    assert COMMANDS[task.key].help == task.help


def test_architectures_belong_to_one_recipe() -> None:
    recipes = pytest.importorskip("edgewright_export.recipes")
    architectures = [name for recipe in recipes.RECIPES.values() for name in recipe.architectures]
    assert len(architectures) == len(set(architectures))


def test_every_family_has_a_tiny_bundle_for_the_tests_of_all() -> None:
    assert set(tiny_bundles.MAKERS) == set(FAMILIES)
