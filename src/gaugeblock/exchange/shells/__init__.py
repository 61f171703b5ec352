"""What a customer may see as Asset Administration Shells: from the records of their view to shells and submodels.

A type shell for each product, instance shells for units and lots, and one for each inspection module as an AI asset.
Built when asked for, from the view alone: what a contract does not permit is not in the view, and so not here.
"""
