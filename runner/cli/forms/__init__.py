"""Outputs for machines and reviews: SARIF for annotations on a diff, JUnit for CI, Markdown for a pull request.

Each is a pure function from what was found to text; the JSON documents stand beside what they describe.
"""
