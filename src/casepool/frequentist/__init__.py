"""The frequentist answers, and their recomputation.

Nothing is handed on here: who needs an interval of a proportion loads neither a Cox model nor its optimiser.
"""
