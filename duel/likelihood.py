"""Maximum likelihood from comparisons: which model, which objective, which stopping rule, and whether it exists at all.

Every fit returns a `Fit` whose `status` is typed: `bradley_terry` and `ternary` on a K x K table of wins, `linear` on
differences of features, `plackett_luce` on rankings. A likelihood whose supremum is not attained has no estimate: the
numbers are then NaN and `Fit.require` raises. These are NumPy fits of one data set of any size; `duel.convex` fits many
small ones at once.

Identification. Every model here sees differences only, so ``theta + c`` is as likely as ``theta``: item fits have
``sum(theta) = 0``, feature fits drop directions that no difference has (`Status.UNIDENTIFIED`).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import linalg, optimize

from duel import convex, links
from duel.errors import InvalidInput, positive_integer, unknown
from duel.fits import (
    Fit,
    Status,
    ascend,
    components,
    empty_fit,
    existence,
    laplacian,
    link_law,
    recedes,
)

NEWTON_DIMENSION = 30  # up to here Newton, above it L-BFGS (crossover measured at d = 30 for n = 1e5)
CHUNK = 2048  # rows of features worked on at a time, so that a block stays in cache


# ----------------------------------------------------------------------------------------------------------------------
# counting


def count_wins(winners: Any, losers: Any, items: int) -> np.ndarray:
    """Table of wins from rows of comparisons: ``wins[i, j]`` = times i beat j, float64 [K, K].

    Parameters
    ----------
    winners, losers : integer arrays [n]
        Item numbers in 0..K-1.
    items : int
        K >= 2.

    Raises
    ------
    InvalidInput
        Different lengths, numbers outside 0..K-1, an item against itself.
    """
    K = positive_integer("items", items, least=2)
    w, l = np.asarray(winners), np.asarray(losers)
    if w.ndim != 1 or w.shape != l.shape:
        raise InvalidInput(f"winners and losers must have one length; got shapes {w.shape} and {l.shape}.")
    for name, a in (("winners", w), ("losers", l)):
        if a.dtype.kind not in "iu":
            raise InvalidInput(f"{name} must be integers; got {a.dtype}.")
        if len(a) and (a.min() < 0 or a.max() >= K):
            raise InvalidInput(f"{name} must lie in 0..{K - 1}; got {a.min()}..{a.max()}.")
    pair = w * K  # one temporary: this line is the cost of counting
    pair += l
    wins = np.bincount(pair, minlength=K * K).reshape(K, K).astype(np.float64)
    if np.diag(wins).any():
        raise InvalidInput(f"item {int(np.flatnonzero(np.diag(wins))[0])} was compared with itself; remove such rows.")
    return wins


def _table(name: str, values: Any) -> np.ndarray:
    W = np.array(values, dtype=np.float64)
    if W.ndim != 2 or W.shape[0] != W.shape[1] or len(W) < 2:
        raise InvalidInput(f"{name} must be a square table [K, K] with K >= 2; got shape {W.shape}.")
    if not np.isfinite(W).all() or W.min() < 0:
        raise InvalidInput(f"{name} must hold counts >= 0; got {W[~(np.isfinite(W) & (W >= 0))][0]}.")
    if np.diag(W).any():
        raise InvalidInput(f"{name} must have a zero diagonal: an item does not meet itself.")
    return W


def _at_least_zero(name: str, value: float) -> float:
    if not (np.isfinite(value) and value >= 0):
        raise InvalidInput(f"{name} must be a finite number >= 0; got {value!r}.")
    return float(value)


# ----------------------------------------------------------------------------------------------------------------------
# laws of one comparison, vectorised


def _davidson(W: np.ndarray, T: np.ndarray, z: np.ndarray, x: float) -> tuple[Any, ...]:
    """Davidson's model at margins z and x = ln nu: log-likelihood and its derivatives, canonical exponential family."""
    half = 0.5 * z
    top = np.maximum(np.abs(half), x)
    w, l, t = np.exp(half - top), np.exp(-half - top), np.exp(x - top)
    total = w + l + t
    A = top + np.log(total)
    w, l, t = w / total, l / total, t / total
    N = W + 0.5 * T  # half of the ties, because both orders of a pair are summed
    value = (W * (half - A)).sum() + 0.5 * (T * (x - A)).sum()
    gz = W * 0.5 - N * 0.5 * (w - l)
    gx = 0.5 * T.sum() - (N * t).sum()
    hzz, hzx, hxx = N * 0.25 * (w + l - (w - l) ** 2), -N * 0.5 * (w - l) * t, (N * t * (1 - t)).sum()
    return value, gz, gx, hzz, hzx, hxx


def _rao_kupper(W: np.ndarray, T: np.ndarray, z: np.ndarray, x: float) -> tuple[Any, ...]:
    """Rao and Kupper's model at margins z and threshold x = eta: ln Pr(tie) = ln(e^2eta - 1) + ln a + ln b."""
    law = link_law("logistic")
    log_a, a_, sa = law(z - x)  # a_ = 1 - a
    log_b, b_, sb = law(-z - x)
    half = 0.5 * T
    wa = W + half
    value = (wa * log_a).sum() + (half * (log_b + 2 * x + math.log(-math.expm1(-2 * x)))).sum()
    ties, shrink = half.sum(), -math.expm1(-2 * x)
    gz = wa * a_ - half * b_
    gx = -(wa * a_).sum() - (half * b_).sum() + 2 * ties / shrink
    hzz = wa * sa + half * sb
    hzx = half * sb - wa * sa
    hxx = (wa * sa).sum() + (half * sb).sum() + 4 * ties * math.exp(-2 * x) / shrink**2
    return value, gz, gx, hzz, hzx, hxx


# ----------------------------------------------------------------------------------------------------------------------
# items: a K x K table is a sufficient statistic


def bradley_terry(
    wins: Any, *, link: str = "logistic", ridge: float = 0.0, box: float | None = None, firth: bool = False
) -> Fit:
    """Strengths from a table of wins: ``Pr(i beats j) = F(theta_i - theta_j)``, ``sum(theta) = 0``.

    Newton's method (Fisher scoring for other links) on the K x K table: cost K^3 an iteration, whatever the number of
    comparisons.

    Parameters
    ----------
    wins : array_like [K, K]
        ``wins[i, j]`` = times i beat j; fractions are welcome (a tie counted as half a win for each).
    link : str
        A name of `duel.links`. "logistic" is Bradley-Terry, "thurstone" and "probit" the two normal conventions.
    ridge : float >= 0
        Adds ``-ridge/2 |theta|^2`` to the log-likelihood.
    box : float > 0, optional
        Maximises over ``|theta_i| <= box`` (logistic only) instead.
    firth : bool
        Jeffreys-prior penalty ``+ 1/2 ln det I(theta)`` [firth1993bias]_ (logistic only): finite whenever the items
        are connected.

    Returns
    -------
    Fit

    Raises
    ------
    InvalidInput
    """
    W = _table("wins", wins)
    K = len(W)
    ridge = _at_least_zero("ridge", ridge)
    if (box is not None or firth) and links.code(link) != links.LOGISTIC:
        raise InvalidInput(f"box and firth are offered for link='logistic' only; got link={link!r}.")
    if (box is not None) + firth + (ridge > 0) > 1:
        raise InvalidInput("ridge, box and firth exclude each other; give one of them.")
    if box is not None and not (np.isfinite(box) and box > 0):
        raise InvalidInput(f"box must be a finite number > 0; got {box!r}.")
    model = f"Bradley-Terry, {K} items" if link == "logistic" else f"paired comparisons, link {link}, {K} items"
    penalty = f" - {ridge:g}/2 |theta|^2" if ridge else " + ln det(Fisher information)/2" if firth else ""
    objective = f"max sum_ij wins_ij ln F(theta_i - theta_j){penalty}, sum theta = 0, F {link}" + (
        f", |theta_i| <= {box:g}" if box is not None else ""
    )
    empty = empty_fit(K, float(W.sum()), model, objective)
    proper = ridge > 0 or box is not None
    if not proper:
        status = existence(W + W.T > 0 if firth else W > 0)
        if status is not Status.CONVERGED:
            return replace(empty, status=status, components=components(W > 0))
    if box is not None:
        return _boxed(W, float(box), empty)
    law, theta = link_law(link), np.zeros(K)
    if not np.isfinite(law(np.array([1.5]))[0]).all() or links.kappa(link, 1.0) == math.inf:
        theta = _inside_support(W)
    N = W + W.T

    def evaluate(point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        z = point[:, None] - point
        log_F, score, information = law(z)
        pseudo = W
        S = N * information
        with np.errstate(invalid="ignore"):
            total = float(np.where(W > 0, W * log_F, 0.0).sum()) - 0.5 * ridge * float(point @ point)
        if firth:
            V = np.linalg.inv(laplacian(S) + 1 / K)
            leverage = S * (np.diag(V)[:, None] + np.diag(V) - 2 * V)
            pseudo = W + 0.5 * leverage
            total += 0.5 * np.linalg.slogdet(laplacian(S) + 1 / K)[1]
        flow = pseudo * score
        return total, flow.sum(axis=1) - flow.sum(axis=0) - ridge * point, laplacian(S), flow

    n = max(W.sum(), 1.0)
    gauge = np.full((K, K), max(n, ridge) / K**2) + ridge * np.eye(K)

    def step_of(g: np.ndarray, H: np.ndarray) -> np.ndarray:
        step = linalg.cho_solve(linalg.cho_factor(H + gauge, check_finite=False), g, check_finite=False)
        return step - step.mean()

    theta, (value, g, H, flow), iterations, done = ascend(evaluate, theta, step_of, n)
    if not done:
        return replace(empty, iterations=iterations)
    theta = theta - theta.mean()
    inverse = np.linalg.inv(H + ridge * np.eye(K) + 1 / K) - (0 if ridge else 1 / K)
    scores = np.divide(flow * flow, W, out=np.zeros_like(W), where=W > 0)
    meat = laplacian(scores + scores.T)
    return replace(
        empty,
        estimate=theta,
        covariance=inverse,
        sandwich=inverse @ meat @ inverse,
        log_likelihood=value,
        gradient_norm=float(np.abs(g).max() / n),
        iterations=iterations,
        status=Status.CONVERGED,
    )


def _inside_support(W: np.ndarray) -> np.ndarray:
    """A start for the bounded links: scores small enough that every observed outcome has probability > 0."""
    N = (W + W.T).sum(axis=1)
    share = np.divide(W.sum(axis=1), N, out=np.full(len(W), 0.5), where=N > 0)
    return 0.5 * (share - share.mean())


def _boxed(W: np.ndarray, box: float, empty: Fit) -> Fit:
    """Maximum over ``|theta_i| <= box`` by the batched kernel; centred afterwards only if the box is slack."""
    _K, n = len(W), max(W.sum(), 1.0)
    theta, active = (np.asarray(x) for x in _boxed_kernel(jnp.asarray(W / n), box))
    law = link_law("logistic")
    log_F, score, information = law(theta[:, None] - theta)
    flow = W * score
    touching = bool(active > 1e-7)
    g = flow.sum(axis=1) - flow.sum(axis=0)
    inverse = np.linalg.pinv(laplacian((W + W.T) * information), rcond=1e-10, hermitian=True)
    meat = laplacian(W * score**2 + (W * score**2).T)
    return replace(
        empty,
        estimate=theta,
        covariance=inverse,
        sandwich=inverse @ meat @ inverse,
        log_likelihood=float((W * log_F).sum()),
        gradient_norm=float(np.abs(g).max() / n),
        status=Status.ON_BOUNDARY if touching else Status.CONVERGED,
        stopping="primal-dual residual <= 1e-11, at most 80 iterations",
        iterations=80,
    )


@jax.jit
def _boxed_kernel(share: jax.Array, box: jax.Array) -> tuple[jax.Array, jax.Array]:
    found = convex.constrained_minimum(
        lambda x: convex.table_derivatives(x, share), jnp.zeros(len(share)), box, shape="box"
    )
    return found.point, found.multiplier.max()


def ternary(wins: Any, ties: Any, *, model: str = "davidson") -> Fit:
    """Strengths and a tie parameter from wins and ties.

    ========== ================================================== =============================
    `model`    Pr(i wins), Pr(tie), with z = theta_i - theta_j    `Fit.tie`
    ========== ================================================== =============================
    davidson   e^(z/2) / D, nu / D;  D = e^(z/2) + e^(-z/2) + nu  nu >= 0 [davidson1970extending]_
    rao_kupper s(z - eta), 1 - s(z - eta) - s(-z - eta)           eta >= 0 [rao1967ties]_
    ========== ================================================== =============================

    Without a single tie both are Bradley-Terry with ``tie = 0``.

    Parameters
    ----------
    wins, ties : array_like [K, K]
        ``wins[i, j]`` = times i beat j; ``ties`` symmetric, each tied comparison entered in both places.
    model : {"davidson", "rao_kupper"}

    Returns
    -------
    Fit

    Raises
    ------
    InvalidInput
        Tables that are not counts [K, K], ties that are not symmetric, an unknown model.
    """
    if model not in ("davidson", "rao_kupper"):
        raise unknown("model", model, ("davidson", "rao_kupper"))
    W, T = _table("wins", wins), _table("ties", ties)
    if T.shape != W.shape or (T != T.T).any():
        raise InvalidInput(f"ties must be symmetric with the shape of wins, {W.shape}; got shape {T.shape}.")
    K, n = len(W), float(W.sum() + 0.5 * T.sum())
    name = "Davidson" if model == "davidson" else "Rao-Kupper"
    title = f"{name} (wins, ties, losses), {K} items"
    law = (
        "e^(z/2) : nu : e^(-z/2)" if model == "davidson" else "s(z - eta) : rest : s(-z - eta), s the logistic function"
    )
    empty = empty_fit(K, n, title, f"max sum of ln Pr(outcome), Pr(win, tie, loss) = {law}, z = theta_i - theta_j")
    if not T.any():
        plain = bradley_terry(W)
        return replace(
            plain, model=title, objective=empty.objective, tie=0.0 if plain.exists else math.nan, tie_error=math.nan
        )
    status = existence(W + T > 0)
    if status is not Status.CONVERGED:
        return replace(empty, status=status, components=components(W + T > 0))
    if recedes(_ternary_rows(W, T, model)):
        return replace(empty, status=Status.NO_MAXIMUM)
    parts = _davidson if model == "davidson" else _rao_kupper
    point = np.append(np.zeros(K), 0.0 if model == "davidson" else 0.5)

    def evaluate(at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        if model == "rao_kupper" and at[K] <= 0:
            return -math.inf, at, np.empty((0, 0))
        value, gz, gx, hzz, hzx, hxx = parts(W, T, at[:K, None] - at[:K], float(at[K]))
        H = np.empty((K + 1, K + 1))
        H[:K, :K] = laplacian(hzz + hzz.T)
        H[:K, K] = H[K, :K] = hzx.sum(axis=1) - hzx.sum(axis=0)
        H[K, K] = hxx
        return float(value), np.append(gz.sum(axis=1) - gz.sum(axis=0), gx), H

    gauge = np.zeros((K + 1, K + 1))
    gauge[:K, :K] = n / K**2
    point, (value, g, H), iterations, done = ascend(
        evaluate, point, lambda g, H: linalg.solve(H + gauge, g, assume_a="sym", check_finite=False), n
    )
    if not done:
        return replace(empty, iterations=iterations)
    gauge[:K, :K] = 1 / K
    full = np.linalg.inv(H + gauge)
    covariance = full[:K, :K] - 1 / K
    theta = point[:K] - point[:K].mean()
    meat = _ternary_meat(W, T, theta, float(point[K]), parts)
    sandwich = (full @ meat @ full)[:K, :K]
    return replace(
        empty,
        estimate=theta,
        covariance=covariance,
        sandwich=sandwich,
        log_likelihood=value,
        gradient_norm=float(np.abs(g).max() / n),
        iterations=iterations,
        status=Status.CONVERGED,
        tie=math.exp(point[K]) if model == "davidson" else float(point[K]),
        tie_error=math.sqrt(full[K, K]),
    )


def _ternary_rows(W: np.ndarray, T: np.ndarray, model: str) -> np.ndarray:
    """Observed outcome less alternative in (theta, tie parameter), for `recedes`."""
    K = len(W)
    rows = []
    for i, j in np.argwhere(W > 0):
        z = np.zeros(K + 1)
        z[i], z[j] = 1.0, -1.0
        over = z.copy()
        over[K] = -2.0 if model == "davidson" else -1.0
        rows += [over] if model == "rao_kupper" else [z, over]
    for i, j in np.argwhere(T > 0):
        z = np.zeros(K + 1)
        z[i], z[j], z[K] = -1.0, 1.0, 2.0 if model == "davidson" else 1.0
        rows.append(z)
    return np.array(rows)


def _ternary_meat(W: np.ndarray, T: np.ndarray, theta: np.ndarray, x: float, parts: Callable[..., Any]) -> np.ndarray:
    """Sum of outer products of the scores of (theta, tie parameter)."""
    K = len(W)
    z = theta[:, None] - theta
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    meat = np.zeros((K + 1, K + 1))
    S, C = np.zeros((K, K)), np.zeros((K, K))
    total = 0.0
    for i, j in np.argwhere(W + T > 0):
        m = z[i : i + 1, j : j + 1]
        if W[i, j] > 0:
            _, gz, gx, *_ = parts(one, zero, m, x)
            a, b = float(gz[0, 0]), float(gx)
            S[i, j] += W[i, j] * a * a
            C[i, j] += W[i, j] * a * b
            total += W[i, j] * b * b
        if T[i, j] > 0:
            _, gz, gx, *_ = parts(zero, one, m, x)
            _, back, _, *_ = parts(zero, one, -m, x)
            a, b = float(gz[0, 0] - back[0, 0]), 2 * float(gx)
            S[i, j] += 0.5 * T[i, j] * a * a
            C[i, j] += 0.5 * T[i, j] * a * b
            total += 0.5 * T[i, j] * b * b
    meat[:K, :K] = laplacian(S + S.T)
    meat[:K, K] = meat[K, :K] = C.sum(axis=1) - C.sum(axis=0)
    meat[K, K] = total
    return meat


# ----------------------------------------------------------------------------------------------------------------------
# features: rows of differences


def linear(
    differences: Any,
    won: Any = None,
    *,
    weights: Any = None,
    link: str = "logistic",
    ridge: float = 0.0,
    box: float | None = None,
    firth: bool = False,
) -> Fit:
    """Parameters of ``Pr(first preferred) = F(theta . x)`` from rows x = features of first less features of second.

    Newton's method (Fisher scoring for other links) up to d = 30, L-BFGS above. A column of ones is a position bias.

    Parameters
    ----------
    differences : array_like [n, d]
    won : array_like [n], optional
        Share of the row's comparisons that the first side won, in [0, 1]; all 1 if left out.
    weights : array_like [n], optional
        Comparisons behind each row, >= 0; all 1 if left out.
    link, ridge, box, firth
        As in `bradley_terry`; ``box`` bounds every coordinate of theta.

    Returns
    -------
    Fit
        UNIDENTIFIED if the differences do not span R^d (and no ridge, box makes up for it).

    Raises
    ------
    InvalidInput
        Wrong shapes, NaN, `won` outside [0, 1], weights < 0; a box or firth with another link, or more than one of
        ridge, box and firth.
    """
    X = np.ascontiguousarray(differences, dtype=np.float64)
    if X.ndim != 2 or 0 in X.shape:
        raise InvalidInput(f"differences must have shape [n, d] with n, d >= 1; got {X.shape}.")
    n, d = X.shape
    y = np.ones(n) if won is None else np.asarray(won, dtype=np.float64)
    c = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    for name, a, high in (("won", y, 1.0), ("weights", c, math.inf)):
        if a.shape != (n,) or not np.isfinite(a).all() or a.min() < 0 or a.max() > high:
            raise InvalidInput(f"{name} must be {n} numbers in [0, {high:g}]; got shape {a.shape}.")
    if not np.isfinite(X).all():
        raise InvalidInput("differences must be finite.")
    ridge = _at_least_zero("ridge", ridge)
    if (box is not None or firth) and links.code(link) != links.LOGISTIC:
        raise InvalidInput(f"box and firth are offered for link='logistic' only; got link={link!r}.")
    if (box is not None) + firth + (ridge > 0) > 1:
        raise InvalidInput("ridge, box and firth exclude each other; give one of them.")
    if box is not None and not (np.isfinite(box) and box > 0):
        raise InvalidInput(f"box must be a finite number > 0; got {box!r}.")
    total = float(c.sum())
    penalty = f" - {ridge:g}/2 |theta|^2" if ridge else " + ln det(Fisher information)/2" if firth else ""
    bound = f", |theta_k| <= {box:g}" if box is not None else ""
    model = f"linear preferences, {d} features, link {link}"
    empty = empty_fit(d, total, model, f"max sum of ln F(+- theta . x){penalty}{bound}")
    proper = ridge > 0 or box is not None
    law = link_law(link)
    binary = bool(np.all((y == 1) | (y == 0)))
    sign = np.where(y == 1, 1.0, -1.0)

    def evaluate(theta: np.ndarray, information: bool = True) -> tuple[float, np.ndarray, np.ndarray]:
        """Penalised log-likelihood, its gradient and the information, in blocks of rows that stay in cache."""
        value, g, H = 0.0, -ridge * theta, ridge * np.eye(d)
        for start in range(0, n, CHUNK):
            block = slice(start, start + CHUNK)
            x, cc = X[block], c[block]
            z = x @ theta
            if binary:
                s = sign[block]
                z *= s
                log_F, score, info = law(z)
                value += float(cc @ log_F)
                score *= s
                score *= cc
            else:
                log_F, up, info = law(z)
                log_G, down, _ = law(-z)
                won_, lost_ = cc * y[block], cc * (1 - y[block])
                value += float(np.where(won_ > 0, won_ * log_F, 0).sum() + np.where(lost_ > 0, lost_ * log_G, 0).sum())
                score = won_ * up - lost_ * down
            g += score @ x
            if information:
                info *= cc
                H += x.T @ (info[:, None] * x)
        return value - 0.5 * ridge * float(theta @ theta), g, H

    if not proper:
        spectrum = np.linalg.eigvalsh(evaluate(np.zeros(d))[2])
        if spectrum[0] <= 1e-12 * spectrum[-1]:
            return replace(empty, status=Status.UNIDENTIFIED)
    if box is not None:
        point, multiplier = _boxed_linear(
            jnp.asarray(X), jnp.asarray(c * y / total), jnp.asarray(c * (1 - y) / total), box
        )
        theta, iterations = np.asarray(point), 80
        value, g, H = evaluate(theta)
        status = Status.ON_BOUNDARY if float(multiplier.max()) > 1e-7 else Status.CONVERGED
    else:
        method = _newton if d <= NEWTON_DIMENSION or firth else _lbfgs
        theta, value, g, H, iterations, done = method(evaluate, np.zeros(d), total, X, c, law if firth else None)
        certified = proper or firth or _certified(X, g, H, link) or (done and not recedes(_signed(X, y, c)))
        if not certified:
            certified_not = recedes(_signed(X, y, c))
            return replace(
                empty, status=Status.NO_MAXIMUM if certified_not else Status.NOT_CONVERGED, iterations=iterations
            )
        if not done:
            return replace(empty, status=Status.NOT_CONVERGED, iterations=iterations)
        status = Status.CONVERGED
    inverse = np.linalg.pinv(H, rcond=1e-10, hermitian=True)
    meat = np.zeros((d, d))
    for start in range(0, n, CHUNK):
        x, yy, cc = X[start : start + CHUNK], y[start : start + CHUNK], c[start : start + CHUNK]
        z = x @ theta
        if binary:
            square = law(z * sign[start : start + CHUNK])[1] ** 2
        else:
            square = yy * law(z)[1] ** 2 + (1 - yy) * law(-z)[1] ** 2
        meat += x.T @ ((cc * square)[:, None] * x)
    return replace(
        empty,
        estimate=theta,
        covariance=inverse,
        sandwich=inverse @ meat @ inverse,
        log_likelihood=value,
        gradient_norm=float(np.abs(g).max() / max(total, 1.0)),
        iterations=iterations,
        status=status,
    )


def _newton(
    evaluate: Callable[..., Any], theta: np.ndarray, total: float, X: np.ndarray, c: np.ndarray, firth_law: Any
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray, int, bool]:
    def penalised(point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        value, g, H = evaluate(point)
        if firth_law is None:
            return value, g, H
        z = X @ point
        _, lost, info = firth_law(z)
        leverage = c * info * np.einsum("ij,jk,ik->i", X, np.linalg.pinv(H, rcond=1e-10, hermitian=True), X)
        return value + 0.5 * np.linalg.slogdet(H)[1], g + X.T @ (leverage * (lost - 0.5)), H

    def step_of(g: np.ndarray, H: np.ndarray) -> np.ndarray | None:
        if not np.isfinite(H).all() or np.linalg.cond(H) > 1e13:
            return None  # running off: the caller asks whether a maximum exists
        return linalg.solve(H, g, assume_a="pos", check_finite=False)

    theta, (value, g, H), iterations, done = ascend(penalised, theta, step_of, max(total, 1.0))
    return theta, value, g, H, iterations, done


def _lbfgs(
    evaluate: Callable[..., Any], theta: np.ndarray, total: float, X: np.ndarray, c: np.ndarray, firth_law: Any
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray, int, bool]:
    """L-BFGS to a small gradient, then one information matrix for the certificate and a Newton step to polish."""

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, g, _ = evaluate(point, False)
        return -value / total, -g / total

    options = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 20}
    found = optimize.minimize(loss, theta, jac=True, method="L-BFGS-B", options=options)
    start = np.asarray(found.x)
    theta, value, g, H, steps, done = _newton(evaluate, start, total, X, c, firth_law)
    return theta, value, g, H, int(found.nit) + steps, done


def _certified(X: np.ndarray, g: np.ndarray, H: np.ndarray, link: str) -> bool:
    """Whether a maximiser provably exists near: ``R |H^-1/2 g| / sqrt(least eigenvalue of H) <= 1/2``, R = max |x|.

    Generalised self-concordance of the logistic loss [bach2010self]_; other links have to ask the linear program.
    """
    if links.code(link) != links.LOGISTIC:
        return False
    least = np.linalg.eigvalsh(H)[0]
    if least <= 1e-12 * np.trace(H):
        return False
    decrement = math.sqrt(max(0.0, float(g @ np.linalg.solve(H, g))))
    reach = math.sqrt(float(np.max(np.einsum("ij,ij->i", X, X))))
    return reach * decrement / math.sqrt(least) <= 0.5


def _signed(X: np.ndarray, y: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Differences signed by their outcomes; rows with both outcomes come twice."""
    return np.concatenate([X[(y > 0) & (c > 0)], -X[(y < 1) & (c > 0)]])


@jax.jit
def _boxed_linear(X: jax.Array, up: jax.Array, down: jax.Array, box: jax.Array) -> tuple[jax.Array, jax.Array]:
    found = convex.constrained_minimum(
        lambda theta: convex.rows_derivatives(theta, X, up, down), jnp.zeros(X.shape[1]), box, shape="box"
    )
    return found.point, found.multiplier


# ----------------------------------------------------------------------------------------------------------------------
# rankings


def plackett_luce(rankings: Any, items: int, *, stages: int | None = None, ridge: float = 0.0) -> Fit:
    """Strengths from rankings of m items each, best first: ``prod_s e^theta(s) / sum_{s' >= s} e^theta(s')``.

    Parameters
    ----------
    rankings : integer array [n, m]
        Item numbers in 0..K-1, all different within a row, m >= 2.
    items : int
        K.
    stages : int, optional
        Choices counted from the top: ``stages=1`` is the best-of-m ("top-1") likelihood, m - 1 (default) the full one.
    ridge : float >= 0

    Returns
    -------
    Fit
        Its sandwich takes a ranking as one observation.

    Raises
    ------
    InvalidInput
        Rankings that are not integers [n, m] in 0..K-1, an item twice in one, more stages than choices.
    """
    K, ridge = positive_integer("items", items, least=2), _at_least_zero("ridge", ridge)
    R = np.asarray(rankings)
    if R.ndim != 2 or R.shape[1] < 2 or len(R) < 1 or R.dtype.kind not in "iu":
        raise InvalidInput(f"rankings must be integers [n, m] with n >= 1, m >= 2; got {R.dtype} {R.shape}.")
    if R.min() < 0 or R.max() >= K:
        raise InvalidInput(f"rankings must hold items 0..{K - 1}; got {R.min()}..{R.max()}.")
    columns = np.ascontiguousarray(R.T, dtype=np.intp)
    n, m = R.shape
    upper = [(a, b) for a in range(m) for b in range(a + 1, m)]
    pair_index = [columns[a] * K + columns[b] for a, b in upper]
    if any((columns[a] == columns[b]).any() for a, b in upper):
        raise InvalidInput("rankings: an item comes twice in one ranking; remove repeats.")
    S = m - 1 if stages is None else positive_integer("stages", stages)
    if m - 1 < S:
        raise InvalidInput(f"stages must be at most m - 1 = {m - 1}; got {stages}.")
    kind = "Plackett-Luce" if m - 1 == S else f"Plackett-Luce top-{S}"
    penalty = f" - {ridge:g}/2 |theta|^2" if ridge else ""
    empty = empty_fit(
        K, float(n), f"{kind}, {K} items, rankings of {m}", f"max sum of ln Pr(ranking){penalty}, sum theta = 0"
    )
    if ridge == 0:
        beats = np.zeros(K * K, dtype=bool)
        for (a, _), index in zip(upper, pair_index, strict=True):
            if a < S:
                beats[index] = True
        status = existence(beats.reshape(K, K))
        if status is not Status.CONVERGED:
            return replace(empty, status=status, components=components(beats.reshape(K, K)))
    chosen = np.bincount(columns[:S].ravel(), minlength=K).astype(float)
    flat, every_pair = columns.ravel(), np.concatenate(pair_index)
    coupling = np.empty((len(upper), n))

    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        w = np.exp(theta - theta.max())[columns]  # [m, n]
        rest, total = np.empty((S, n)), w[m - 1].copy()
        for s in reversed(range(m - 1)):  # rows of length n: numpy's cumsum along axis 0 is six times slower
            total += w[s]
            if s < S:
                rest[s] = total
        value = float(chosen @ (theta - theta.max()) - np.log(rest).sum()) - 0.5 * ridge * float(theta @ theta)
        first = np.divide(1.0, rest, out=rest)
        second = first * first
        for s in range(1, S):
            first[s] += first[s - 1]
            second[s] += second[s - 1]
        expected = np.empty((m, n))  # chance of being chosen, summed over stages
        for s in range(m):
            np.multiply(w[s], first[min(s, S - 1)], out=expected[s])
        g = chosen - np.bincount(flat, weights=expected.ravel(), minlength=K) - ridge * theta
        for q, (a, b) in enumerate(upper):
            np.multiply(w[a], w[b], out=coupling[q])
            coupling[q] *= second[min(a, S - 1)]
        H = np.bincount(every_pair, weights=coupling.ravel(), minlength=K * K).reshape(K, K)
        return value, g, laplacian(H + H.T), expected

    gauge = n / K**2 + ridge * np.eye(K)

    def step_of(g: np.ndarray, H: np.ndarray) -> np.ndarray:
        return linalg.cho_solve(linalg.cho_factor(H + gauge, check_finite=False), g, check_finite=False)

    theta, (value, g, H, expected), iterations, done = ascend(evaluate, np.zeros(K), step_of, n)
    if not done:
        return replace(empty, iterations=iterations)
    theta = theta - theta.mean()
    inverse = np.linalg.inv(H + ridge * np.eye(K) + 1 / K) - (0 if ridge else 1 / K)
    scores = -expected
    scores[:S] += 1.0
    for q, (a, b) in enumerate(upper):
        np.multiply(scores[a], scores[b], out=coupling[q])
    meat = np.bincount(every_pair, weights=coupling.ravel(), minlength=K * K).reshape(K, K)
    meat = meat + meat.T
    meat[np.diag_indices(K)] = np.bincount(flat, weights=(scores * scores).ravel(), minlength=K)
    return replace(
        empty,
        estimate=theta,
        covariance=inverse,
        sandwich=inverse @ meat @ inverse,
        log_likelihood=value,
        gradient_norm=float(np.abs(g).max() / n),
        iterations=iterations,
        status=Status.CONVERGED,
    )


def tie_treatments(wins: Any, ties: Any) -> dict[str, Fit]:
    """One table of ternary outcomes fitted four ways: Davidson, Rao-Kupper, ties as half wins, ties dropped."""
    W, T = _table("wins", wins), _table("ties", ties)
    return {
        "davidson": ternary(W, T),
        "rao_kupper": ternary(W, T, model="rao_kupper"),
        "half": bradley_terry(W + 0.5 * T),
        "drop": bradley_terry(W),
    }


# ----------------------------------------------------------------------------------------------------------------------
# uncertainty


def bootstrap(fit: Callable[[np.ndarray], Fit], wins: Any, *, resamples: int = 200, seed: int = 0) -> np.ndarray:
    """Estimates on resampled tables of wins (each comparison drawn with replacement): [resamples, K].

    A resample whose maximum does not exist is a row of NaN, never dropped silently: quantiles over rows with
    ``np.nanquantile`` are conditional on existence, and ``np.isnan(rows[:, 0]).mean()`` is the share that failed.

    Parameters
    ----------
    fit : callable (table [K, K]) -> Fit
        For example `bradley_terry`, or a partial of it.
    wins : array_like [K, K]
        Whole numbers.
    resamples : int >= 1
    seed : int >= 0

    Raises
    ------
    InvalidInput
        Wins that are not whole numbers >= 0.
    """
    W = _table("wins", wins)
    count = positive_integer("resamples", resamples)
    total = int(W.sum())
    if total != W.sum() or (np.floor(W) != W).any():
        raise InvalidInput("wins must be whole numbers for the bootstrap: only whole comparisons can be drawn again.")
    rng = np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(seed)))
    tables = rng.multinomial(total, (W / total).ravel(), size=count).reshape(count, *W.shape).astype(float)
    return np.stack([fit(table).estimate for table in tables])


def paper_radius(
    n: Any, d: int, *, margin: Any, parameter_bound: Any, ridge: Any = 0.0, delta: float = 0.05, size: int = 2
) -> Any:
    """Radius of [zhu2023principled]_, Lemma 3.1 with C = 1: ``sqrt((d + ln(1/delta)) / (gamma^2 n) + ridge B^2)``.

    ``gamma = 1 / (2 + e^-margin + e^margin)`` with the paper's margin L B. For K-wise maximum likelihood
    (`size` = K > 2, Theorem 4.1) the first term is multiplied by K^4 and ``gamma = e^(-4 margin)``.
    """
    gamma = 1 / (2 + jnp.exp(-margin) + jnp.exp(margin)) if size == 2 else jnp.exp(-4 * margin)
    factor = 1.0 if size == 2 else float(size) ** 4
    return jnp.sqrt(factor * (d + math.log(1 / delta)) / (gamma * gamma * n) + ridge * parameter_bound**2)


def explicit_radius(n: Any, d: int, *, margin: Any, parameter_bound: Any, ridge: Any = 0.0, delta: float = 0.05) -> Any:
    """A radius without a hidden constant for pairwise comparisons.

    ``sqrt((d + 2 sqrt(d t) + 2 t) / n) / s'(margin) + 2 B sqrt(ridge)``, t = ln(1/delta), where `margin` bounds
    ``|theta . x|`` over the parameter set. The loss is ``s'(margin)``-strongly convex in the data semi-norm; its
    gradient at the truth is a sum of independent centred terms in intervals of length one, whose squared norm has the
    tail of [hsu2012tail]_ with trace <= d/(4n), norm <= 1/(4n); ``|e|_Sigma <= 2 |grad| / s'`` by minimality.
    """
    t = math.log(1 / delta)
    slope = 1 / (2 + jnp.exp(-margin) + jnp.exp(margin))
    return jnp.sqrt((d + 2 * math.sqrt(d * t) + 2 * t) / n) / slope + 2 * parameter_bound * jnp.sqrt(ridge)
