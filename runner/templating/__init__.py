"""The one expression form of all documents, `{{ ... }}`: scanned, parsed, compiled and evaluated here and nowhere else.

A *template* is a text with pieces `{{ expression }}`; a text that is exactly one expression is *whole* and keeps the
type of its value, anything else is joined as text. A *scope* maps top-level names to JSON values. A *path* is a chain
of names, `item.name`. A *purse* bounds what one evaluation may build. A *fault* is what is wrong inside; it leaves this
room as a `RecipeError` with a `Problem`.

The language is the expressions of Jinja, less everything that can reach outside or grow without bound: no statements,
no comments, no Python attributes, a table of filters, tests and functions. Jinja parses, compiles and evaluates them in
its sandbox, behind our guard; a plain path is read without Jinja, and what an expression of the usual form reads is
told without it, so that it is imported when such a one is evaluated. Nothing is folded when an expression is compiled,
and data is never rendered.
"""

from runner.templating.template import Template, compile_template, is_template, template_problem
from runner.templating.tree import Tree, compile_tree, tree_of

__all__ = ["Template", "Tree", "compile_template", "compile_tree", "is_template", "template_problem", "tree_of"]
