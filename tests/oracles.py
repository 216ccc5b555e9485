"""Posterior means of one-factor models by quadrature, written without the package."""

import numpy as np
from scipy import special, stats

X = np.linspace(-8, 8, 65)
"""Nodes of the standard normal behind one level's effect: the trapezoidal rule."""


def legendre(low, high, n):
    """Nodes between two limits, with their weights."""
    x, w = np.polynomial.legendre.leggauss(n)
    return (high + low) / 2 + (high - low) / 2 * x, (high - low) / 2 * w


def product(*axes):
    """All combinations of the nodes of some axes, with the products of their weights."""
    nodes = np.stack(np.meshgrid(*(x for x, _ in axes), indexing="ij")).reshape(len(axes), -1)
    weights = np.stack(np.meshgrid(*(w for _, w in axes), indexing="ij")).reshape(len(axes), -1)
    return nodes, weights.prod(axis=0)


def levels_by(borrowing, zero, sd, *, own, exchangeable=0.5, df=4):
    """Parts of a level's distribution: the share of each, and its log odds at the nodes X (hyper, X).

    `zero` is where an effect of none lies, `own` mean and standard deviation of the own prior.
    """
    zero, sd = np.asarray(zero)[:, None], np.asarray(sd)[:, None]
    shared = zero + sd * X
    alone = own[0] + own[1] * X + 0 * zero
    return {
        "partial": [(1.0, shared)],
        "robust": [(1.0, zero + sd * stats.t.ppf(stats.norm.cdf(X), df))],
        "exnex": [(exchangeable, shared), (1 - exchangeable, alone)],
        "none": [(1.0, alone)],
        "complete": [(1.0, zero + 0 * X)],
    }[borrowing]


def means(parts, weights, likelihood, chances, levels):
    """Posterior means (levels, chances) of probabilities that are functions of a level's log odds.

    `likelihood(eta, level)` and `chances(eta)` (one array each of the shape of eta) at every hyperparameter node.
    """
    phi = stats.norm.pdf(X) / stats.norm.pdf(X).sum()
    evidence, moments = [], []
    for level in range(levels):
        own = [(share, eta, likelihood(eta, level) * phi) for share, eta in parts]
        evidence.append(sum(share * w.sum(axis=1) for share, _, w in own))
        told = [[(w * p).sum(axis=1) for p in chances(eta)] for _, eta, w in own]
        moments.append([sum(s * m[k] for (s, _, _), m in zip(own, told, strict=True)) for k in range(len(told[0]))])
    joint = weights * np.prod(evidence, axis=0)
    return np.array(
        [[(joint / e * m).sum() / joint.sum() for m in ms] for e, ms in zip(evidence, moments, strict=True)]
    )


def binomial_means(borrowing, events, n, *, intercept, sd_scale, own):
    """Posterior mean response probability of every level: array (levels,)."""
    (zero, sd), w = product(
        legendre(intercept[0] - 7 * intercept[1], intercept[0] + 7 * intercept[1], 60), legendre(0, 6 * sd_scale, 40)
    )
    w = w * stats.norm.pdf(zero, *intercept) * stats.halfnorm.pdf(sd, scale=sd_scale)

    def likelihood(eta, level):
        return special.expit(eta) ** events[level] * special.expit(-eta) ** (n[level] - events[level])

    parts = levels_by(borrowing, zero, sd, own=own)
    return means(parts, w, likelihood, lambda eta: [special.expit(eta)], len(n))[:, 0]


def ordinal_means(borrowing, counts, *, first, gap_scale, sd_scale, own):
    """Posterior mean probability of each of three categories, worst first: array (levels, 3)."""
    cut = (
        (np.zeros(1), np.ones(1))
        if borrowing == "none"
        else legendre(first[0] - 6 * first[1], first[0] + 6 * first[1], 32)
    )
    (c, gap, sd), w = product(cut, legendre(0, 5 * gap_scale, 24), legendre(0, 5 * sd_scale, 20))
    w = w * stats.halfnorm.pdf(gap, scale=gap_scale) * stats.halfnorm.pdf(sd, scale=sd_scale)
    w = w if borrowing == "none" else w * stats.norm.pdf(c, *first)

    def chances(odds):  # odds: the log odds of leaving the worst category
        better, best = special.expit(odds), special.expit(odds - gap[:, None])
        return [1 - better, better - best, best]

    def likelihood(odds, level):
        return np.prod([p**k for p, k in zip(chances(odds), counts[level], strict=True)], axis=0)

    return means(levels_by(borrowing, -c, sd, own=own), w, likelihood, chances, len(counts))
