import pytest

from casepool.cases import load


@pytest.fixture
def alk():
    """The bundled table, typed by its codebook."""
    return load("alk_crizotinib")
