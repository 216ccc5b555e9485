"""The 6-MP leukaemia trial: weeks of remission (Freireich 1963; Kleinbaum and Klein, Survival Analysis)."""

import numpy as np

MERCAPTOPURINE = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

TIME = np.array(MERCAPTOPURINE + PLACEBO, dtype=float)
EVENT = np.array(RELAPSED + [1] * 21, dtype=bool)
ARM = np.repeat([0, 1], 21)
LOG_WBC = np.array(
    [
        2.31, 4.06, 3.28, 3.2, 4.43, 2.8, 2.96, 2.7, 2.6, 2.88, 3.6, 2.16, 2.05, 2.01,
        2.32, 2.57, 1.78, 2.2, 2.53, 1.47, 1.45, 2.8, 5.0, 4.91, 4.48, 4.01, 4.36, 2.42,
        3.49, 3.97, 3.52, 3.05, 2.32, 3.26, 3.49, 2.12, 1.5, 3.06, 2.3, 2.95, 2.73, 1.97,
    ]
)  # fmt: skip
# Every third patient enters half-way, rounded down: delayed entry on the same data.
ENTRY = np.where(np.arange(42) % 3 == 0, np.floor(TIME / 2), 0.0)
