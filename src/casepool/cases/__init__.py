"""A printed table becomes a typed, checked DataFrame."""

from casepool.cases.codebook import Codebook as Codebook
from casepool.cases.column import Column as Column
from casepool.cases.reading import list_datasets as list_datasets
from casepool.cases.reading import load as load
from casepool.cases.reading import read_cases as read_cases
from casepool.cases.reading import resolve_cases as resolve_cases
from casepool.cases.recoding import codings as codings
from casepool.cases.recoding import recode as recode
from casepool.cases.tables import codebook_of as codebook_of
