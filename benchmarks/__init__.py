"""What takes too long for the tests; each module writes a dated result into ``results/``."""
