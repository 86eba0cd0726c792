"""The Python interface: what the command line does, from a script or a notebook; results show themselves.

Imported as `from archsearch import ablate, study, plan, compare, run`.
"""
