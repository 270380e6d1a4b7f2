"""From text to recipes, or to problems: nothing here ever runs anything.

A *project* is `runner.yaml`: connections, defaults and profiles for the recipes beside and below it. A *recipe* is one
file, checked by its schema, each *component* in it by the schema of its *kind*. A *scope* is the set of names that a
field's templates may read: *load names* (`vars env recipe run trigger`) are known now, all others only at run time. A
*fingerprint* is the digest of what reaches a target (work) or the sinks (publish). A *catalog* tells what the platforms
offer. *Lint* is what no schema can see: names used twice, circles, things that are not there.
"""

from runner.recipe.catalog import Catalog, NoPlatforms
from runner.recipe.project import LoadedProject, load_project
from runner.recipe.recipes import load_recipes
from runner.recipe.show import shown

__all__ = ["Catalog", "LoadedProject", "NoPlatforms", "load_project", "load_recipes", "shown"]
