"""177 patients after a stem cell transplant, of whom relapse and death compete (Scrucca 2010, bmtcrr.csv).

Bone Marrow Transplantation 45, 1388-1395, doi:10.1038/bmt.2009.359; as in the repository manalirupji/CASAS. Months to
the end of follow-up, 0 censored, 1 relapse, 2 another death, and lymphoblastic (L) or myeloblastic (M) leukaemia.
"""

import numpy as np

TEXT = """
0.67 2L 9.5 1M 131.77 0L 24.03 2L 1.47 2L 2.23 2L 124.83 0L 10.53 2L 123.9 0L 2 1L 1.7 2L 6.33 2M 2.3 2M 3.57 1L
0.4 2L 0.87 2L 121.1 0L 5.27 2M 7.5 2L 6.3 2M 6.13 1L 2.8 2L 5.37 1L 2.87 1L 10.9 2M 3.07 1L 1.7 1L 114.7 0M 1.8 1L
114.1 0M 35 1M 112.93 0M 3.63 2L 112.23 0L 1.67 1L 7.63 2M 7.53 1L 110.37 0M 20.93 2M 6.03 2L 2.83 2M 9.63 2M 3.17 2M
9.97 2M 5.7 1M 106.13 0M 2.53 1L 4.2 1M 9.17 2M 8.73 2M 85.1 0M 4.8 2M 3.57 2M 8 2L 82.6 0L 81.67 0M 6 2L 6.2 1M
3.47 2M 4.23 1L 1 2M 7.47 2L 6.1 2M 77 0M 76.03 0M 28.53 1M 1.97 2M 13.07 1L 1.43 2L 72.93 0L 71.83 0L 67.8 0M 8.17 2L
7.57 1L 2.4 1L 70.2 0M 3.03 1M 5.87 1M 68.83 0M 1.1 2L 9.13 1M 6.07 1M 3.3 2L 59.17 0M 1.23 1L 58.23 0M 58 0M 56.6 0L
3.6 2M 1.6 1M 5.63 1M 4.4 2M 13.8 2M 49.27 0M 9.2 2M 8.63 1L 6.7 2M 1.1 1L 5.43 2L 45.3 0L 12.57 1M 43.67 0L 11.8 2M
43.2 0M 4.17 2L 6.63 1M 42.5 0M 1.87 1M 1.23 2M 41.3 0M 3.9 2M 4.57 2M 4.4 2M 3.7 2M 3.4 2M 20.83 1L 8.6 2M 1.3 1M
0.37 2L 0.27 2L 35.5 0L 35.5 0M 4.07 1L 7.93 1L 17.23 1L 3.43 2L 2 2M 8.8 2M 32.63 0M 12.17 2L 7.2 2M 9 2M 6 1M 29.9 0M
29.2 0L 28.7 0M 42.17 1M 0.13 2M 3.63 1L 12.27 1M 26.13 0M 4.73 1M 3.93 2M 24.77 0L 2.03 1M 6.6 2L 9.43 1L 5 1M 1.87 1L
5.6 1M 19.9 0L 1.2 1M 5.23 2M 3.5 2M 2.8 2M 1.47 2M 7.63 1L 2.23 1L 0.87 2M 7.2 2M 3.23 2L 3.57 2M 4.57 2M 1.77 2M
16.83 0L 16.6 0M 16.13 0L 2.7 2L 10.3 1L 15.17 0M 7 1M 2.53 1M 14.5 0M 2.3 1M 10.2 0M 9.97 0M 7.63 1M
"""
_CELLS = TEXT.split()
TIME = np.array(_CELLS[::2], dtype=float)
CAUSE = np.array([int(cell[0]) for cell in _CELLS[1::2]])
DISEASE = np.array([cell[1] for cell in _CELLS[1::2]])
