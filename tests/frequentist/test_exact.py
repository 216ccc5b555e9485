from fractions import Fraction
from itertools import product
from math import factorial, prod

import numpy as np
import pytest
from scipy import stats

from casepool.errors import CasepoolError
from casepool.frequentist.exact import fisher_freeman_halton

# Agresti (2002), table 2.8, as in the documentation of R's fisher.test, which prints 0.7827.
JOB_SATISFACTION = np.array([[1, 2, 1, 0], [3, 3, 6, 1], [10, 10, 14, 9], [6, 7, 12, 11]])


def by_brute_force(table):
    """List every table cell by cell, in whole numbers and fractions: p, mid-p and the number of tables."""
    table = np.asarray(table)
    rows, columns = table.sum(axis=1).tolist(), table.sum(axis=0).tolist()
    inner = [range(min(r, c) + 1) for r in rows[:-1] for c in columns[:-1]]
    top = prod(map(factorial, rows)) * prod(map(factorial, columns))

    def probability(cells):
        return Fraction(top, factorial(sum(rows)) * prod(factorial(int(x)) for x in cells))

    found = []
    for cells in product(*inner):
        grid = np.array(cells).reshape(len(rows) - 1, len(columns) - 1)
        grid = np.column_stack([grid, np.array(rows[:-1]) - grid.sum(axis=1)])
        grid = np.vstack([grid, np.array(columns) - grid.sum(axis=0)])
        if grid.min() >= 0:
            found.append(probability(grid.ravel()))
    observed = probability(table.ravel())
    assert sum(found) == 1
    p = sum(x for x in found if x <= observed)
    return p, p - Fraction(found.count(observed), 2) * observed, len(found)


def counted_by_halves(table):
    """Count the tables with four columns: two on the left, two on the right, each counted by itself."""
    rows, (a, b, c, _) = table.sum(axis=1), table.sum(axis=0).tolist()

    def pairs(totals, first):
        ways = np.ones(1)
        for total in totals:
            ways = np.convolve(ways, np.ones(total + 1))
        return int(ways[first])

    halves = product(*(range(min(row, a + b) + 1) for row in rows))
    return sum(pairs(half, a) * pairs(rows - np.array(half), c) for half in halves if sum(half) == a + b)


TABLES = [
    [[3, 1], [2, 4]],
    [[2, 0, 1], [1, 3, 0]],
    [[1, 1, 0], [0, 2, 1], [2, 0, 1]],
    [[2, 1, 0, 1], [0, 1, 2, 1]],
    [[1, 0], [0, 3], [2, 1], [1, 1], [0, 1]],
    [[4, 0, 0], [0, 3, 0], [0, 0, 1]],
    [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
]


@pytest.mark.parametrize("table", TABLES)
def test_p_mid_p_and_count_equal_brute_force(table):
    p, mid, count = by_brute_force(table)
    result = fisher_freeman_halton(table)
    assert result.tables == count
    assert result.p == pytest.approx(float(p), rel=1e-12)
    assert fisher_freeman_halton(table, mid=True).p == pytest.approx(float(mid), rel=1e-12)


@pytest.mark.parametrize("number", range(20))
def test_two_by_two_is_fishers_exact_test(number):
    table = np.random.default_rng(number).integers(0, 30, (2, 2))
    assert fisher_freeman_halton(table).p == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-9)


def test_the_job_satisfaction_table_of_r():
    result = fisher_freeman_halton(JOB_SATISFACTION, most=10**8)
    assert round(result.p, 4) == 0.7827


@pytest.mark.parametrize("number", range(5))
def test_order_and_orientation_do_not_matter(number):
    rng = np.random.default_rng(number)
    table = rng.multinomial(33, rng.dirichlet(np.ones(12))).reshape(4, 3)
    result = fisher_freeman_halton(table)
    for other in (table.T, rng.permutation(table, axis=0), rng.permutation(table, axis=1)):
        again = fisher_freeman_halton(other)
        assert again.tables == result.tables
        assert again.p == pytest.approx(result.p, rel=1e-9)


@pytest.mark.parametrize("number", range(3))
def test_a_larger_table_agrees_with_shuffled_patients(number):
    rng = np.random.default_rng(number)
    table = rng.multinomial(40, rng.dirichlet(np.ones(12) * 3)).reshape(3, 4)
    margins = stats.random_table(table.sum(axis=1), table.sum(axis=0))
    drawn = margins.logpmf(margins.rvs(20_000, random_state=rng))
    share = np.mean(drawn <= margins.logpmf(table) + 1e-7)
    assert fisher_freeman_halton(table).p == pytest.approx(share, abs=0.015)


def test_the_probability_is_that_of_the_observed_table():
    margins = stats.random_table(JOB_SATISFACTION.sum(axis=1), JOB_SATISFACTION.sum(axis=0))
    assert fisher_freeman_halton(JOB_SATISFACTION).probability == pytest.approx(margins.pmf(JOB_SATISFACTION))


def test_above_the_limit_it_is_not_computed_but_counted():
    result = fisher_freeman_halton(JOB_SATISFACTION, most=10**7)
    assert result.p is None
    assert result.counted
    assert result.tables == counted_by_halves(JOB_SATISFACTION)


@pytest.mark.parametrize("table", [np.full((15, 15), 20), np.full((4, 4), 400), np.full((3, 3), 400)])
def test_counting_gives_up_early_on_a_hopeless_table(table):
    result = fisher_freeman_halton(table, most=10**18)
    assert result.p is None
    assert not result.counted
    assert result.tables > 10**5


@pytest.mark.parametrize(
    ("size", "total", "count"),
    # Stanley, Enumerative Combinatorics 1, section 4.6: magic squares, H_3(r) and H_4(2), and permutations.
    [(3, 1, 6), (3, 2, 21), (3, 3, 55), (3, 10, 2211), (4, 2, 282), (5, 1, 120), (9, 1, 362_880)],
)
def test_the_count_of_magic_squares(size, total, count):
    square = np.eye(size, dtype=int) * total
    assert fisher_freeman_halton(square).tables == count


def test_all_tables_equally_probable_give_one():
    assert fisher_freeman_halton(np.eye(9, dtype=int)).p == pytest.approx(1.0)
    assert fisher_freeman_halton(np.eye(9, dtype=int), mid=True).p == pytest.approx(0.5)


def test_millions_of_tables_with_tiny_columns_take_no_time():
    # 17 levels with one or two patients, four outcomes: singletons are interchangeable.
    table = np.zeros((17, 4), dtype=int)
    table[np.arange(17), np.arange(17) % 4] = 1 + np.arange(17) % 2
    result = fisher_freeman_halton(table, most=10**15)
    assert result.tables > 10**8
    assert 0 < result.p < 1


@pytest.mark.parametrize("table", [[[3, 4]], [[3, 4], [0, 0]], [[0, 0], [0, 0]], [[5]]])
def test_a_table_without_alternatives_has_p_one(table):
    result = fisher_freeman_halton(table)
    assert (result.p, result.tables) == (1.0, 1)
    assert fisher_freeman_halton(table, mid=True).p == 0.5


def test_empty_rows_and_columns_change_nothing():
    wide = np.insert(np.insert(TABLES[2], 1, 0, axis=1), 2, 0, axis=0)
    assert fisher_freeman_halton(wide) == fisher_freeman_halton(TABLES[2])


def test_one_huge_cell_adds_no_tables():
    table = np.eye(4, dtype=int)
    table[0, 0] = 100_000
    assert fisher_freeman_halton(table).tables == fisher_freeman_halton(np.diag([4, 1, 1, 1])).tables


def test_what_is_no_table_of_counts_is_refused():
    with pytest.raises(CasepoolError, match="table of counts"):
        fisher_freeman_halton([[1, 2], [3, -1]])
