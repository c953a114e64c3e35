"""The estimator of theta in Pr(first wins) = F(theta^T z), z = x_first - x_second, for use in every round of a loop.

The estimate is the root of the ridge-regularised estimating equation of the contextual dueling papers::

    g(theta) = ridge theta + sum_s w_s (F(z_s^T theta) - o_s) z_s = 0,      o_s = 1 won, 1/2 tie, 0 lost

For the logistic link it is the maximum-likelihood estimate (up to the ridge). For the other links the papers call the
root of this equation the MLE too; it is the quasi-likelihood that treats F as canonical, convex for every link, and
consistent, but not the maximiser of the Bernoulli likelihood, whose terms carry the factor F' / (F (1 - F)).

Two estimators, by name:

"exact"
    The root at every call of `solve`, to a certified tolerance. Scanning n duels in every round would cost O(n), so the
    history is scanned only now and then, at an *anchor* a, where g, its Jacobian H and its second derivative T are
    summed over all duels; later duels are added to these sums, exactly. Between scans the root is that of the cubic
    model of the objective, g(a) + H D + T[D, D] / 2 with D = theta - a, and the error of the model is bounded, duel by
    duel, by Taylor's theorem::

        |F(u + h) - F(u) - F'(u) h - F''(u) h^2 / 2| <= C F'(u) |h|^3 / 6,   C = sup |F'''|/F' sup F'(u + h)/F'(u)

    so that with e >= max_s |z_s^T D| the neglected part of g is at most C e^2 / 6 * |D|_H in the norm of H^-1. For the
    logistic link C = exp(e) (generalised self-concordance [bach2010selfconcordant]). A scan is made only when
    |g(theta)| in the norm of H(theta)^-1 cannot be certified to be below `tolerance`. That norm is, to first order, the
    distance of theta to the exact root in the norm of H, in which the statistical error is about sqrt(d) and the
    confidence radius of an algorithm larger still: the default 1e-4 is invisible in them. Links whose slope has kinks
    (laplace, uniform, linear) have no such bound and are scanned until the root is met, in every round.
"online"
    The exact root at the first call of `solve` (the end of an algorithm's exploration), then one implicit Newton step
    a duel::

        theta' = argmin_theta |theta - theta_t|_W^2 / 2 + loss of the new duel,      W' = W + F'(z^T theta') z z^T

    a scalar equation and a rank-one update; nothing is stored. This is the local update of ECOLog [faury2022jointly]
    without its projection and its data-dependent warm-up, which the exact start replaces (remembered, the text was not
    at hand). No confidence set is claimed for it here; how far it strays from the exact root is measured in the tests.

Safe on separable data: the ridge keeps the root finite, steps are capped and halved while they overshoot, and scans are
bounded in number; `status` counts the calls that ended uncertified.

Equal contrasts (z or -z) are stored once with their counts, found by a hash table, so that a scan of n duels between
K fixed arms costs K (K - 1) / 2 terms and not n.

All arrays of an `Estimate` are updated in place; the functions below are plain loops that the engine compiles.
"""

import math
from typing import NamedTuple

import numpy as np

from duel.errors import InvalidInput, positive_integer, unknown
from duel.linalg import add_outer, dot, inverse_update, matvec, quadratic
from duel.linalg import inverse as matrix_inverse
from duel.links import cdf, code, curve, slope_stretch, third_ratio

ESTIMATORS = ("exact", "online")
ROWS, READY, SCANS, FAILURES = range(4)  # entries of Estimate.status
REACH, LONGEST, BOUND = range(3)  # entries of Estimate.norms
MAX_SCANS = 100  # in one call of solve
MODEL_STEPS = 12  # fixed-point steps on the cubic model
NEAR = 1.0  # the model is not asked beyond this change of a z^T theta
MARGIN_STEP = 1.0  # a Newton step may change any z^T theta by at most this, times 4 for each step that succeeded


class Estimate(NamedTuple):
    """Data, anchor sums and current estimate. P = d (d + 1) / 2 index pairs (i <= j), row by row."""

    link: int  # code of duel.links
    online: bool
    ridge: float
    tolerance: float  # of |g(theta)| in the norm of H(theta)^-1
    theta: np.ndarray  # [d] the estimate
    status: np.ndarray  # int64 [4] stored contrasts, 1 once solved, scans of the history, calls that ended uncertified
    norms: np.ndarray  # [3] max |z^T anchor|, max |z|, certified |g(theta)| of the last solve
    contrasts: np.ndarray  # [capacity, d] distinct z, first non-zero entry positive
    weight: np.ndarray  # [capacity] sum of w over the duels with this z
    wins: np.ndarray  # [capacity] sum of w o
    slots: np.ndarray  # int64 [power of 2] hash table: row + 1, 0 if free
    anchor: np.ndarray  # [d] a
    shift: np.ndarray  # [d] D: theta = anchor + shift
    score: np.ndarray  # [d] g(a) over all duels so far
    hessian: np.ndarray  # [P] H(a), upper triangle
    third: np.ndarray  # [d, P] sum of w F''(z^T a) z_k z_i z_j
    inverse: np.ndarray  # [d, d] H(a)^-1; in online mode W^-1
    work: np.ndarray  # [6, d] workspace
    pairs: np.ndarray  # [P] workspace
    square: np.ndarray  # [2, d, d] workspace


def start(
    dimension: int,
    capacity: int,
    link: str,
    *,
    estimator: str = "exact",
    ridge: float = 1e-3,
    tolerance: float = 1e-4,
) -> Estimate:
    """An empty estimate, theta = 0.

    Parameters
    ----------
    dimension : int
        d, length of a contrast.
    capacity : int
        Largest number of duels that `add` will see ("online": before the first `solve`). Memory is touched as used.
    link : str
        Name of `duel.links`.
    estimator : "exact" or "online"
    ridge : float > 0
        The l2 weight; shifts the root by at most ridge |theta| / sqrt(lambda_min(H)) in the norm of H.
    tolerance : float > 0
        Certified bound on |g(theta)| in the norm of H(theta)^-1.

    Raises
    ------
    InvalidInput
    """
    d = positive_integer("dimension", dimension)
    capacity = positive_integer("capacity", capacity)
    check(estimator, ridge, tolerance)
    P = d * (d + 1) // 2
    return Estimate(
        link=code(link),
        online=estimator == "online",
        ridge=float(ridge),
        tolerance=float(tolerance),
        theta=np.zeros(d),
        status=np.zeros(4, dtype=np.int64),
        norms=np.zeros(3),
        contrasts=np.zeros((capacity, d)),
        weight=np.zeros(capacity),
        wins=np.zeros(capacity),
        slots=np.zeros(1 << (2 * capacity - 1).bit_length(), dtype=np.int64),
        anchor=np.zeros(d),
        shift=np.zeros(d),
        score=np.zeros(d),
        hessian=np.zeros(P),
        third=np.zeros((d, P)),
        inverse=np.zeros((d, d)),
        work=np.zeros((6, d)),
        pairs=np.zeros(P),
        square=np.zeros((2, d, d)),
    )


def check(estimator: str, ridge: float, tolerance: float = 1e-4) -> None:
    """Refuse bad settings; algorithms call this from their own `check`."""
    if estimator not in ESTIMATORS:
        raise unknown("estimator", estimator, ESTIMATORS)
    for name, value in (("ridge", ridge), ("tolerance", tolerance)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise InvalidInput(f"{name} must be a finite number > 0, for example 1e-3; got {value!r}.")


# --- compiled by the engine from here on ---


def add(estimate: Estimate, z: np.ndarray, outcome: float, weight: float = 1.0) -> None:
    """Take in a duel of contrast z [d]: outcome +1 first won, 0 tie (half a win), -1 second won."""
    won = 0.5 * (1.0 + outcome)
    ready = estimate.status[READY] == 1
    if estimate.online and ready:
        implicit_step(estimate, z, won, weight)
        return
    store(estimate, z, won, weight)
    if ready:
        slope = absorb(estimate, z, weight, weight * won)
        inverse_update(estimate.inverse, z, slope, estimate.work[0])


def solve(estimate: Estimate) -> bool:
    """Bring `theta` to the root (see the module); False if it could not be certified within `MAX_SCANS` scans.

    A new anchor is the model's root if that is near and downhill, else a capped Newton step, halved while it
    overshoots.
    """
    if estimate.online and estimate.status[READY] == 1:
        return True
    anchor, shift, theta = estimate.anchor, estimate.shift, estimate.theta
    base, step = estimate.work[4], estimate.work[5]
    d = len(theta)
    limit = estimate.status[SCANS] + MAX_SCANS
    stale = estimate.status[READY] == 0  # whether the sums are not yet those of `anchor`
    down, scale, cap = -math.inf, 1.0, MARGIN_STEP  # score^T step at the base, part of the step taken, trust radius
    certified = False
    while True:
        sound = True
        if stale:
            sound = scan(estimate)
            estimate.status[READY] = 1
        if stale and not (sound and dot(estimate.score, step) <= 0.5 * abs(down)):
            scale *= 0.5
            cap *= 0.5
        else:
            cap *= 4.0
            certified = model_root(estimate)
            if certified:
                break
            down = dot(estimate.score, shift)
            if not (estimate.norms[BOUND] < math.inf and down < 0.0):
                matvec(estimate.inverse, estimate.score, shift)
                margin = estimate.norms[LONGEST] * math.sqrt(dot(shift, shift))
                capped = -min(1.0, cap / max(margin, 1e-300))
                for k in range(d):
                    shift[k] *= capped
                down = dot(estimate.score, shift)
            for k in range(d):
                base[k] = anchor[k]
                step[k] = shift[k]
            scale = 1.0
        if estimate.status[SCANS] >= limit:
            break
        for k in range(d):
            anchor[k] = base[k] + scale * step[k]
        stale = True
    if not certified:
        estimate.status[FAILURES] += 1
        for k in range(d):
            shift[k] = 0.0
    for k in range(d):
        theta[k] = anchor[k] + shift[k]
    return certified


def store(estimate: Estimate, z: np.ndarray, won: float, weight: float) -> None:
    """Add a duel to the table of distinct contrasts."""
    contrasts, slots = estimate.contrasts, estimate.slots
    d, size = len(z), len(slots)
    sign, mix = 0.0, 0.0
    for k in range(d):
        if sign == 0.0 and z[k] != 0.0:
            sign = 1.0 if z[k] > 0.0 else -1.0
        mix += z[k] * math.sqrt(k + 1.5)
    if sign == 0.0:  # an arm against itself says nothing of theta
        return
    mix = abs(mix) * 9973.0
    slot = int((mix - math.floor(mix)) * size)
    row = slots[slot] - 1
    while row >= 0:
        k = 0
        while k < d and contrasts[row, k] == sign * z[k]:
            k += 1
        if k == d:
            break
        slot = slot + 1 if slot + 1 < size else 0
        row = slots[slot] - 1
    if row < 0:
        row = estimate.status[ROWS]
        if row == len(contrasts):
            raise IndexError("more duels than the capacity of the estimate")
        estimate.status[ROWS] = row + 1
        slots[slot] = row + 1
        for k in range(d):
            contrasts[row, k] = sign * z[k]
    estimate.weight[row] += weight
    estimate.wins[row] += weight * (won if sign > 0.0 else 1.0 - won)


def absorb(estimate: Estimate, z: np.ndarray, weight: float, wins: float) -> float:
    """Add `weight` duels of contrast z, `wins` of them won, to the sums at the anchor; returns the weight of z z^T."""
    anchor, score, hessian, third = estimate.anchor, estimate.score, estimate.hessian, estimate.third
    norms, pairs = estimate.norms, estimate.pairs
    d = len(z)
    margin, length = 0.0, 0.0
    for k in range(d):
        margin += z[k] * anchor[k]
        length += z[k] * z[k]
    norms[REACH] = max(norms[REACH], abs(margin))
    norms[LONGEST] = max(norms[LONGEST], math.sqrt(length))
    value, slope, bend = curve(estimate.link, margin)
    residual = weight * value - wins
    slope *= weight
    bend *= weight
    q = 0
    for i in range(d):
        score[i] += residual * z[i]
        for j in range(i, d):
            pairs[q] = z[i] * z[j]
            q += 1
    for q in range(len(pairs)):
        hessian[q] += slope * pairs[q]
    for k in range(d):
        scaled = bend * z[k]
        for q in range(len(pairs)):
            third[k, q] += scaled * pairs[q]
    return slope


def scan(estimate: Estimate) -> bool:
    """Sum score, H and T over the whole history at `anchor`; shift becomes 0. False if H is numerically singular."""
    anchor, shift, score, third = estimate.anchor, estimate.shift, estimate.score, estimate.third
    hessian, inverse, full, factor = estimate.hessian, estimate.inverse, estimate.square[0], estimate.square[1]
    contrasts, weight, wins = estimate.contrasts, estimate.weight, estimate.wins
    d = len(anchor)
    q = 0
    for i in range(d):
        score[i] = estimate.ridge * anchor[i]
        shift[i] = 0.0
        for j in range(i, d):
            hessian[q] = estimate.ridge if i == j else 0.0
            q += 1
        for p in range(len(hessian)):
            third[i, p] = 0.0
    estimate.norms[REACH] = 0.0
    for row in range(estimate.status[ROWS]):
        absorb(estimate, contrasts[row], weight[row], wins[row])
    estimate.status[SCANS] += 1
    q = 0
    for i in range(d):
        for j in range(i, d):
            full[i, j] = hessian[q]
            full[j, i] = hessian[q]
            q += 1
    return matrix_inverse(full, inverse, factor)


def model_root(estimate: Estimate) -> bool:
    """Solve the cubic model for `shift`, warm-started; True if |g(anchor + shift)| is certified within tolerance."""
    link, tolerance, norms, pairs = estimate.link, estimate.tolerance, estimate.norms, estimate.pairs
    score, hessian, third, inverse = estimate.score, estimate.hessian, estimate.third, estimate.inverse
    shift, linear, bent, step = estimate.shift, estimate.work[1], estimate.work[2], estimate.work[3]
    d = len(shift)
    if third_ratio(link, 0.0) == math.inf:  # kinks: only the anchor itself can be certified
        for k in range(d):
            shift[k] = 0.0
        norms[BOUND] = math.sqrt(max(0.0, quadratic(inverse, score)))
        return norms[BOUND] <= tolerance
    before = math.inf
    for _ in range(MODEL_STEPS):
        for k in range(d):
            linear[k] = 0.0
        q = 0
        for i in range(d):
            for j in range(i, d):
                linear[i] += hessian[q] * shift[j]
                pairs[q] = shift[i] * shift[j]
                if i == j:
                    pairs[q] *= 0.5
                else:
                    linear[j] += hessian[q] * shift[i]
                q += 1
        for k in range(d):
            bent[k] = score[k] + linear[k] + dot(third[k], pairs)
        matvec(inverse, bent, step)
        gap = math.sqrt(max(0.0, dot(bent, step)))  # |g_model| in the norm of H(a)^-1
        if gap <= 0.25 * tolerance:
            margin = norms[LONGEST] * math.sqrt(dot(shift, shift))
            if margin > NEAR:
                break
            stretch = slope_stretch(link, norms[REACH], margin)
            ratio = third_ratio(link, norms[REACH] + margin)
            size = math.sqrt(max(0.0, dot(shift, linear)))  # |D| in the norm of H(a)
            neglected = stretch * ratio * margin * margin / 6.0 * size
            norms[BOUND] = math.sqrt(stretch) * (gap + neglected)
            return norms[BOUND] <= tolerance
        if not gap < before:
            break
        before = gap
        for k in range(d):
            shift[k] -= step[k]
    norms[BOUND] = math.inf
    return False


def implicit_step(estimate: Estimate, z: np.ndarray, won: float, weight: float) -> None:
    """theta' = theta + w W^-1 z (o - F(z^T theta')), then W += w F'(z^T theta') z z^T."""
    link, theta, inverse, direction = estimate.link, estimate.theta, estimate.inverse, estimate.work[0]
    matvec(inverse, z, direction)
    spread = weight * dot(z, direction)
    if spread <= 0.0:
        return
    margin = dot(z, theta)
    end = margin + spread * (won - cdf(link, margin))
    low, high = min(margin, end), max(margin, end)  # where the root of u = margin + spread (o - F(u)) lies
    u, before = margin, math.inf
    value, slope = 0.0, 0.0
    for _ in range(50):
        value, slope, _ = curve(link, u)
        if abs(u - before) <= 1e-12 * (1.0 + abs(u)):
            break
        before = u
        u = min(high, max(low, u - (u - margin - spread * (won - value)) / (1.0 + spread * slope)))
    for k in range(len(z)):
        theta[k] += weight * (won - value) * direction[k]
    add_outer(inverse, direction, -weight * slope / (1.0 + spread * slope))
