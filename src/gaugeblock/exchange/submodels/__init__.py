"""Submodels after the templates of the Industrial Digital Twin Association, one a file: inputs in, JSON tree out.

Each module has the template's ``SEMANTIC_ID``, an input struct whose required fields are what the template demands,
and ``build(identifier, given)``. Semantic identifiers are the templates'.
"""
