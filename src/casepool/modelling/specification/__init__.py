"""A model as its file states it: read, checked, printed."""
