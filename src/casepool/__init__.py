"""Bayesian hierarchical analysis of rare-disease case data.

The public names stand in ``__init__.pyi``, each loaded when first used: ``import casepool`` takes no sampler along.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
__version__ = "0.2.0.dev0"
