"""Recipes that live in Git: what changed since a commit, and a loop that applies what a branch says.

A *ref* is anything Git can name a commit by. A recipe has *changed* when what it would do has: its work or publish
hash, what selects its items, or the bytes of its local source. A *commit* is *good* when every document in it is valid;
a *sync* applies good commits and leaves the last good one in place after a bad one. Git is its own command, run as a
subprocess: it is installed wherever there is a work tree, knows every transport, credential helper and signature that
its user has set up, and a library would bring a second and smaller Git.
"""
