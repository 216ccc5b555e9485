import numpy as np
import pytest
from scipy import stats

from casepool.errors import CasepoolError
from casepool.frequentist.contingency import likelihood_ratio, pearson

TABLE = np.array([[12, 5, 7], [3, 9, 4]])


def test_a_two_by_two_table_is_the_squared_difference_of_two_proportions():
    # z test with the pooled proportion, done by hand: 10/20 against 16/20.
    z = (0.8 - 0.5) / np.sqrt(0.65 * 0.35 * (2 / 20))
    result = pearson([[10, 10], [16, 4]])
    assert result.statistic == pytest.approx(z**2)
    assert result.p == pytest.approx(2 * stats.norm.sf(z))
    assert result.df == 1


def test_the_continuity_correction_acts_on_two_by_two_tables_only():
    assert pearson([[10, 10], [16, 4]], correction=True).p > pearson([[10, 10], [16, 4]]).p
    assert pearson(TABLE, correction=True).p == pearson(TABLE).p


def test_expected_counts_keep_the_margins_and_the_small_ones_are_counted():
    result = pearson(TABLE)
    assert result.expected.sum(axis=0) == pytest.approx(TABLE.sum(axis=0))
    assert result.expected.sum(axis=1) == pytest.approx(TABLE.sum(axis=1))
    assert result.few == 1  # 16 * 11 / 40 = 4.4


def test_empty_rows_and_columns_are_left_out_and_said():
    wide = np.insert(np.insert(TABLE, 1, 0, axis=1), 2, 0, axis=0)
    result = pearson(wide)
    assert (result.dropped_rows, result.dropped_columns) == ((2,), (1,))
    assert (result.statistic, result.df, result.p) == (pearson(TABLE).statistic, 2, pearson(TABLE).p)


@pytest.mark.parametrize("test", [pearson, likelihood_ratio])
def test_order_and_orientation_do_not_matter(test):
    for other in (TABLE.T, TABLE[::-1], TABLE[:, [2, 0, 1]]):
        assert test(other).statistic == pytest.approx(test(TABLE).statistic)
        assert test(other).p == pytest.approx(test(TABLE).p)


@pytest.mark.parametrize("test", [pearson, likelihood_ratio])
def test_proportional_rows_give_no_evidence(test):
    assert test([[2, 4, 6], [3, 6, 9]]).statistic == pytest.approx(0, abs=1e-12)


def test_the_likelihood_ratio_adds_up_over_a_partition_of_the_table():
    collapsed = np.column_stack([TABLE[:, 0] + TABLE[:, 1], TABLE[:, 2]])
    parts = likelihood_ratio(TABLE[:, :2]).statistic + likelihood_ratio(collapsed).statistic
    assert likelihood_ratio(TABLE).statistic == pytest.approx(parts)


@pytest.mark.parametrize("table", [[[3, 4]], [[3], [4]], [[3, 4], [0, 0]], [[0, 0], [0, 0]]])
def test_a_table_with_nothing_to_compare_has_no_test(table):
    result = pearson(table)
    assert np.isnan(result.statistic)
    assert np.isnan(result.p)
    assert result.df == 0


@pytest.mark.parametrize("table", [[1, 2], [[1.5, 2]], [[-1, 2]], [[np.nan, 2]]])
def test_what_is_no_table_of_counts_is_refused(table):
    with pytest.raises(CasepoolError, match="table of counts"):
        pearson(table)
