"""A table of answers as people read it: one layout, for a terminal, a notebook, a document and a workbook."""
