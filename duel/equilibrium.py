"""Ground truth of preference games: exact equilibria, and how far a policy is from them.

Notation: margins ``A = P - 1/2`` (skew), policy ``pi`` on n actions, reference ``mu``, regularisation ``beta``.

* `nash` solves the original game by linear programming and polishes the answer on its support; `nash_certificate`
  says whether it is the only one.
* `regularized_equilibrium` solves the KL-regularised game, whose equilibrium is unique, by Newton's method.
* `nearest_equilibrium` is the I-projection on the set of equilibria, `limit_equilibrium` the limit of the regularised
  equilibrium as beta -> 0 (the I-projection of the reference), `distance_to_equilibria` the Euclidean distance.
* `local_frequencies` is the spectrum from which every method's local rate follows.

Everything here is NumPy and SciPy in float64, independent of the JAX code that it judges. Functions take a game of
`duel.games` (`PreferenceGame`, contextual or batched, or `ZeroSumGame`) or, where no reference is needed, a bare
preference matrix. Ties need no convention: a tie probability is split evenly in ``P`` before it gets here.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import linalg, optimize, sparse

from duel.errors import InvalidInput

SUPPORT_TOLERANCE = 1e-9  # below it a probability or a slack of a polished solution counts as zero


class Certificate(NamedTuple):
    """An equilibrium of the original game, and whether there is another.

    `policy` [N] (players of a two-player game one after the other), `gap` its duality gap, `support` [N] bool the
    actions it plays, `tight` [N] bool the actions that do as well against it, `unique`: strict complementarity
    (`support` equals `tight`) and a nonsingular bordered support block; `margin` the least of ``policy + slack``, by
    how much strict complementarity holds.
    """

    policy: np.ndarray
    gap: float
    support: np.ndarray
    tight: np.ndarray
    unique: bool
    margin: float


class _Blocks(NamedTuple):
    """A game as one skew matrix over the players' actions, batched over the leading axis."""

    margins: np.ndarray  # [B, N, N] skew; N = players * n
    log_reference: np.ndarray  # [B, N]
    kl_weight: np.ndarray  # [B]
    players: int
    shape: tuple[int, ...]  # of a policy as the caller knows it

    def restore(self, flat: np.ndarray) -> np.ndarray:
        """[B, N] back to the caller's shape."""
        return flat.reshape(self.shape)


def _blocks(game: Any) -> _Blocks:
    """View any game, or a bare preference matrix, as `_Blocks`."""
    if not hasattr(game, "blocks"):
        P = np.asarray(game, dtype=float)
        if P.ndim < 2 or P.shape[-1] != P.shape[-2]:
            raise InvalidInput(f"game must be a game or a square preference matrix; got an array of shape {P.shape}.")
        if not np.isfinite(P).all() or np.abs(P + np.swapaxes(P, -1, -2) - 1).max() > 1e-8:
            raise InvalidInput(
                "game: a preference matrix must be finite and satisfy P + P.T = 1; pass (P + 1 - P.T)/2."
            )
        n = P.shape[-1]
        margins = ((P - np.swapaxes(P, -1, -2)) / 2).reshape(-1, n, n)
        uniform = np.full((len(margins), n), -np.log(n))
        return _Blocks(margins, uniform, np.zeros(len(margins)), 1, P.shape[:-1])
    margins, log_reference, kl_weight, players, shape = game.blocks()
    N = margins.shape[-1]
    flat = np.asarray(margins, dtype=float).reshape(-1, N, N)
    weight = np.broadcast_to(np.asarray(kl_weight, dtype=float), (len(flat),))
    return _Blocks(flat, np.asarray(log_reference, dtype=float).reshape(-1, N), weight, players, tuple(shape))


# ----------------------------------------------------------------------------------------------------------------------
# the original game


def nash(game: Any) -> np.ndarray:
    """A Nash equilibrium (minimax winner, von Neumann winner, maximal lottery) of the original game.

    The linear programme ``min v s.t. A p <= v, p in the simplex`` by HiGHS, polished on the support. Where the
    equilibrium is not unique, one vertex of the set is returned: see `nash_certificate` and `limit_equilibrium`.

    Parameters
    ----------
    game : PreferenceGame, ZeroSumGame or array [..., n, n]
        A game, or a bare preference matrix.

    Returns
    -------
    array [..., n]
        One policy a game.
    """
    blocks = _blocks(game)
    return blocks.restore(np.stack([_certificate(A, blocks.players).policy for A in blocks.margins]))


def nash_certificate(game: Any) -> Certificate:
    """A Nash equilibrium of one game with the proof of its uniqueness, or the reason against it.

    A nonsingular bordered support block alone does not prove uniqueness (it calls a vertex of a game with duplicated
    actions unique); strict complementarity is needed as well [goldman1956linear]_. Both are decided with an absolute
    tolerance of 1e-9, and `Certificate.margin` says how close the call was.

    Raises
    ------
    InvalidInput
        A batch of games; index it first.
    """
    blocks = _blocks(game)
    if len(blocks.margins) != 1:
        raise InvalidInput(f"game must be one game, not a batch of {len(blocks.margins)}; index it first.")
    return _certificate(blocks.margins[0], blocks.players)


def _gap(A: np.ndarray, players: int, policy: np.ndarray) -> float:
    """Sum over the players of what a best response gains; for one symmetric player both sides gain the same."""
    best = (A @ policy).reshape(players, -1).max(axis=1).sum()
    return float(2 * best if players == 1 else best)


def _border(players: int, n: int) -> np.ndarray:
    """Indicator of each player's actions: [players, N]."""
    return np.kron(np.eye(players), np.ones((1, n)))


def _certificate(A: np.ndarray, players: int) -> Certificate:
    N = len(A)
    border = _border(players, N // players)
    objective = np.concatenate([np.zeros(N), np.ones(players)])
    solution = optimize.linprog(
        objective,
        A_ub=np.hstack([A, -border.T]),
        b_ub=np.zeros(N),
        A_eq=np.hstack([border, np.zeros((players, players))]),
        b_eq=np.ones(players),
        bounds=[(0, None)] * N + [(None, None)] * players,
        method="highs",
    )
    if solution.x is None:  # cannot happen for a finite game: both programmes are feasible and bounded
        raise RuntimeError(f"the linear programme of the game failed: {solution.message}")
    raw = np.maximum(solution.x[:N], 0)
    raw /= (border @ raw) @ border
    policy = _polish(A, players, raw)
    best = (A @ policy).reshape(players, -1).max(axis=1)
    slack = best @ border - A @ policy
    support, tight = policy > SUPPORT_TOLERANCE, slack < SUPPORT_TOLERANCE
    unique = bool((support == tight).all()) and _nonsingular(A, players, support)
    return Certificate(policy, _gap(A, players, policy), support, tight, unique, float((policy + slack).min()))


def _bordered(A: np.ndarray, border: np.ndarray) -> np.ndarray:
    """``[[A, -border.T], [border, 0]]``: unknowns are the policy and the players' values."""
    players = len(border)
    return np.block([[A, -border.T], [border, np.zeros((players, players))]])


def _nonsingular(A: np.ndarray, players: int, support: np.ndarray) -> bool:
    border = _border(players, len(A) // players)[:, support]
    values = np.linalg.svd(_bordered(A[np.ix_(support, support)], border), compute_uv=False)
    return bool(values[-1] > SUPPORT_TOLERANCE * values[0])


def _polish(A: np.ndarray, players: int, policy: np.ndarray) -> np.ndarray:
    """Solve the equations of the support exactly; keep the better of the two points."""
    best, best_gap = policy, _gap(A, players, policy)
    for threshold in (1e-9, 1e-7, 1e-12):
        support = policy > threshold
        border = _border(players, len(A) // players)
        slack = (A @ policy).reshape(players, -1).max(axis=1) @ border - A @ policy
        rows = support | (slack < threshold)
        matrix = np.block(
            [[A[np.ix_(rows, support)], -border[:, rows].T], [border[:, support], np.zeros((players, players))]]
        )
        target = np.concatenate([np.zeros(rows.sum()), np.ones(players)])
        start = np.concatenate([policy[support], (A @ policy).reshape(players, -1).max(axis=1)])
        for _ in range(2):  # a correction of the point, not a new solution: stays near it when rank is short
            start = start + np.linalg.lstsq(matrix, target - matrix @ start, rcond=1e-11)[0]
        point = np.zeros_like(policy)
        point[support] = start[: support.sum()]
        if point.min() < 0:
            continue
        point /= (border @ point) @ border
        gap = _gap(A, players, point)
        if gap < best_gap:
            best, best_gap = point, gap
    return best


# ----------------------------------------------------------------------------------------------------------------------
# the set of equilibria


class _Face(NamedTuple):
    """The equilibria ``{p >= 0: p = 0 off the support, equalities, inequalities}`` of one game."""

    support: np.ndarray  # [N] bool, actions that some equilibrium plays
    equalities: np.ndarray  # [M, S] rows, on the support
    targets: np.ndarray  # [M]
    inequalities: np.ndarray  # [Q, S] rows with ``row @ p <= bound``
    bounds: np.ndarray  # [Q]
    interior: np.ndarray  # [S] an equilibrium positive on all of the support


def _face(A: np.ndarray, players: int, certificate: Certificate) -> _Face:
    """Largest support by one linear programme over the cone of equilibria (strict complementarity)."""
    N = len(A)
    border = _border(players, N // players)
    values = (A @ certificate.policy).reshape(players, -1).max(axis=1)
    # variables: p [N] unnormalised, t [N], scale: maximise sum t, t <= p, t <= 1, A p <= value * scale
    zero = np.zeros((N, N))
    upper = np.block([[A, zero, -(values @ border)[:, None]], [-np.eye(N), np.eye(N), np.zeros((N, 1))]])
    equal = np.hstack([border, np.zeros((players, N)), -np.ones((players, 1))])
    solution = optimize.linprog(
        np.concatenate([np.zeros(N), -np.ones(N), [0.0]]),
        A_ub=sparse.csr_array(upper),
        b_ub=np.zeros(2 * N),
        A_eq=sparse.csr_array(equal),
        b_eq=np.zeros(players),
        bounds=[(0, None)] * N + [(0, 1)] * N + [(1, None)],
        method="highs",
    )
    if solution.x is None:
        raise RuntimeError(f"the linear programme of the support failed: {solution.message}")
    support = solution.x[N : 2 * N] > 0.5
    point = np.where(support, solution.x[:N], 0.0)
    point /= (border @ point) @ border
    inner, outer = np.ix_(support, support), np.ix_(~support, support)
    equalities = np.vstack([A[inner], border[:, support]])
    targets = np.concatenate([(values @ border)[support], np.ones(players)])
    interior = point[support]
    interior = interior - np.linalg.lstsq(equalities, equalities @ interior - targets, rcond=1e-11)[0]
    return _Face(support, equalities, targets, A[outer], (values @ border)[~support], np.maximum(interior, 1e-300))


def _project(face: _Face, log_policy: np.ndarray) -> np.ndarray:
    """``argmin KL(p || pi)`` over the face: [S]. Newton on the null space, inequalities by an active set."""
    linear = log_policy[face.support]
    active: list[int] = []
    point = face.interior
    for _ in range(len(face.bounds) + 1):
        rows = np.vstack([face.equalities, face.inequalities[active]])
        targets = np.concatenate([face.targets, face.bounds[active]])
        start = point
        if active:  # the previous point violates the new row: restart from the feasible segment's end
            start = _feasible(face, active, rows, targets)
        null = linalg.null_space(rows, rcond=1e-10)
        point = _entropy_newton(start, null, linear)
        slack = face.bounds - face.inequalities @ point
        worst = int(np.argmin(slack)) if len(slack) else -1
        if worst < 0 or slack[worst] >= -1e-12 or worst in active:
            return point
        active.append(worst)
    return point


def _feasible(face: _Face, active: list[int], rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A point of the face on the active rows with the least probability as large as possible."""
    S = len(face.interior)
    solution = optimize.linprog(
        np.append(np.zeros(S), -1.0),
        A_ub=np.vstack(
            [np.hstack([-np.eye(S), np.ones((S, 1))]), np.hstack([face.inequalities, np.zeros((len(face.bounds), 1))])]
        ),
        b_ub=np.concatenate([np.zeros(S), face.bounds + 1e-12]),
        A_eq=np.hstack([rows, np.zeros((len(rows), 1))]),
        b_eq=targets,
        bounds=[(0, None)] * S + [(None, None)],
        method="highs",
    )
    if solution.x is None:
        raise RuntimeError(f"the linear programme of the face failed: {solution.message}")
    return np.maximum(solution.x[:S], 1e-300)


def _entropy_newton(point: np.ndarray, null: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Minimise ``sum p (log p - linear)`` over ``point + span(null)``, p > 0, by damped Newton."""
    if null.shape[1] == 0:
        return point

    def value(p: np.ndarray) -> float:
        return float(p @ (np.log(p) - linear))

    current = value(point)
    for _ in range(500):
        gradient = null.T @ (np.log(point) - linear)
        hessian = (null.T / point) @ null
        step = -null @ np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        decrease = float(gradient @ (null.T @ step))
        shrinking = step < 0
        length = min(1.0, 0.9 * float(np.min(-point[shrinking] / step[shrinking], initial=np.inf)))
        while length > 1e-14:
            trial = point + length * step
            if trial.min() > 0 and value(trial) <= current + 1e-4 * length * decrease + 1e-16:
                break
            length /= 2
        else:
            return point
        point, current = trial, value(trial)
        if -decrease < 1e-26 or np.abs(step).max() < 1e-16:
            return point
    return point


class EquilibriumSet:
    """The equilibria of one original game, prepared for many projections.

    Attributes
    ----------
    certificate : Certificate
    unique : bool
    support : bool array [N]
        Actions that at least one equilibrium plays.
    """

    def __init__(self, game: Any) -> None:
        blocks = _blocks(game)
        if len(blocks.margins) != 1:
            raise InvalidInput(f"game must be one game, not a batch of {len(blocks.margins)}; index it first.")
        self.certificate = _certificate(blocks.margins[0], blocks.players)
        self.unique = self.certificate.unique
        self._blocks = blocks
        self._face = None if self.unique else _face(blocks.margins[0], blocks.players, self.certificate)
        self.support = self.certificate.support if self._face is None else self._face.support

    def nearest(self, log_policy: np.ndarray) -> np.ndarray:
        """The equilibrium p with the least ``KL(p || pi)``, the I-projection of the policy: same shape."""
        if self._face is None:
            return self.certificate.policy.reshape(np.shape(log_policy))
        flat = np.maximum(np.asarray(log_policy, dtype=float).reshape(-1), -1e6)
        point = np.zeros(len(flat))
        point[self._face.support] = _project(self._face, flat)
        return point.reshape(np.shape(log_policy))

    def distance(self, policy: np.ndarray) -> float:
        """Euclidean distance of a policy to the set, by least-distance programming on its inequalities."""
        flat = np.asarray(policy, dtype=float).reshape(-1)
        if self._face is None:
            return float(np.linalg.norm(flat - self.certificate.policy))
        face = self._face
        outside = float(np.sum(flat[~face.support] ** 2))
        target = flat[face.support]
        # p = base + null z: minimise |z - z0|^2 subject to p >= 0 and the inequalities (Lawson and Hanson, ch. 23)
        null = linalg.null_space(face.equalities, rcond=1e-10)
        base = face.interior
        z0 = null.T @ (target - base)
        offset = float(np.sum((target - base - null @ z0) ** 2))
        G = np.vstack([null, -face.inequalities @ null])
        h = np.concatenate([-base, face.inequalities @ base - face.bounds]) - G @ z0
        if null.shape[1] == 0 or h.max() <= 0:
            return float(np.sqrt(outside + offset))
        dual, _ = optimize.nnls(np.vstack([G.T, h]), np.append(np.zeros(G.shape[1]), 1.0), maxiter=100 * len(h))
        residual = np.vstack([G.T, h]) @ dual - np.append(np.zeros(G.shape[1]), 1.0)
        move = -residual[:-1] / residual[-1]
        return float(np.sqrt(outside + offset + move @ move))


def nearest_equilibrium(game: Any, log_policy: np.ndarray) -> np.ndarray:
    """The equilibrium of one original game with the least ``KL(p || pi)``: [n] (see `EquilibriumSet`)."""
    return EquilibriumSet(game).nearest(log_policy)


def limit_equilibrium(game: Any) -> np.ndarray:
    """Where the regularised equilibrium tends as beta -> 0: the I-projection of the reference on the equilibria.

    With a uniform reference it is the Nash equilibrium of largest entropy [csiszar1975divergence]_.

    Raises
    ------
    InvalidInput
        A batch of games; index it first.
    """
    blocks = _blocks(game)
    if len(blocks.margins) != 1:
        raise InvalidInput(f"game must be one game, not a batch of {len(blocks.margins)}; index it first.")
    return blocks.restore(EquilibriumSet(game).nearest(blocks.log_reference[0]))


def distance_to_equilibria(game: Any, policy: np.ndarray) -> float:
    """Euclidean distance of a policy to the set of equilibria of one original game."""
    return EquilibriumSet(game).distance(policy)


# ----------------------------------------------------------------------------------------------------------------------
# the regularised game


def regularized_equilibrium(game: Any) -> np.ndarray:
    """The unique equilibrium of the KL-regularised game, to machine precision: [..., n].

    With a uniform reference it is the logit quantal response equilibrium [mckelvey1995quantal]_ of precision 1/beta.
    Probabilities below 1e-308 underflow to zero; `regularized_log_policy` keeps them.
    """
    return np.exp(regularized_log_policy(game))


def regularized_log_policy(game: Any) -> np.ndarray:
    """Log-probabilities of `regularized_equilibrium`: [..., n].

    Newton's method on ``F(theta) = theta - log mu - A softmax(theta) / beta``, damped by Armijo's rule on ``|F|``,
    along a geometric path of beta from ``max(2 max|A|, beta)`` down. The Jacobian has eigenvalues ``1 + i omega /
    beta`` and so is never singular. Batched: all games of a batch take their steps together.

    Raises
    ------
    InvalidInput
        If ``kl_weight`` is not positive.
    ArithmeticError
        If the residual stays above 1e-9 (relative to the logits), which has not been seen.
    """
    blocks = _blocks(game)
    if not (blocks.kl_weight > 0).all():
        raise InvalidInput(
            f"kl_weight must be > 0 for the regularised equilibrium; got {float(blocks.kl_weight.min())!r}. "
            "Use nash or limit_equilibrium for the original game."
        )
    A, ell, beta = blocks.margins, blocks.log_reference, blocks.kl_weight
    start = np.maximum(2 * np.abs(A).max(axis=(1, 2)), beta)
    decades = float(np.log10(start / beta).max())
    theta = ell.copy()
    for fraction in np.linspace(0, 1, max(2, int(np.ceil(12 * decades)) + 1)):
        last = fraction == 1
        theta, residual = _newton(
            A, ell, start * (beta / start) ** fraction, theta, blocks.players, 60 if last else 8, 0 if last else 1e-6
        )
    scale = np.maximum(1, np.abs(theta).max(axis=1))
    if (residual > 1e-9 * scale).any():
        raise ArithmeticError(f"Newton's method stopped at a residual of {float(residual.max()):.1e}.")
    return blocks.restore(_log_softmax(theta, blocks.players))


def _log_softmax(theta: np.ndarray, players: int) -> np.ndarray:
    shaped = theta.reshape(*theta.shape[:-1], players, -1)
    shaped = shaped - shaped.max(axis=-1, keepdims=True)
    shaped = shaped - np.log(np.exp(shaped).sum(axis=-1, keepdims=True))
    return shaped.reshape(theta.shape)


def _residual(A: np.ndarray, ell: np.ndarray, beta: np.ndarray, theta: np.ndarray, players: int) -> np.ndarray:
    policy = np.exp(_log_softmax(theta, players))
    return theta - ell - np.einsum("bij,bj->bi", A, policy) / beta[:, None]


def _newton(
    A: np.ndarray,
    ell: np.ndarray,
    beta: np.ndarray,
    theta: np.ndarray,
    players: int,
    iterations: int,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Damped Newton steps until every game's residual is below `tolerance` (relative) or has stopped falling."""
    B, N = theta.shape
    F = _residual(A, ell, beta, theta, players)
    norm = np.abs(F).max(axis=1)
    live = np.arange(B)
    for _ in range(iterations):
        live = live[norm[live] > tolerance * np.maximum(1, np.abs(theta[live]).max(axis=1))]
        if len(live) == 0:
            break
        p = np.exp(_log_softmax(theta[live], players)).reshape(len(live), players, -1)
        n = p.shape[-1]
        covariance = np.zeros((len(live), N, N))
        for k in range(players):
            q, at = p[:, k], slice(k * n, (k + 1) * n)
            covariance[:, at, at] = np.einsum("bi,ij->bij", q, np.eye(n)) - q[:, :, None] * q[:, None, :]
        jacobian = np.eye(N) - A[live] @ covariance / beta[live, None, None]
        step = -np.linalg.solve(jacobian, F[live][..., None])[..., 0]
        length = np.ones(len(live))
        accepted = np.zeros(len(live), dtype=bool)
        energy = np.linalg.norm(F[live], axis=1)
        for _ in range(40):
            todo = live[~accepted]
            trial = theta[todo] + length[~accepted, None] * step[~accepted]
            F_trial = _residual(A[todo], ell[todo], beta[todo], trial, players)
            good = np.linalg.norm(F_trial, axis=1) < (1 - 1e-4 * length[~accepted]) * energy[~accepted]
            theta[todo[good]], F[todo[good]] = trial[good], F_trial[good]
            where = np.flatnonzero(~accepted)
            accepted[where[good]] = True
            length[where[~good]] /= 2
            if accepted.all():
                break
        norm = np.abs(F).max(axis=1)
        live = live[accepted]  # a game that no step improves sits at the floor of the arithmetic
    return theta, norm


def local_frequencies(game: Any, policy: np.ndarray) -> np.ndarray:
    """Moduli ``omega`` of the purely imaginary eigenvalues of ``A (diag pi - pi pi^T)``: [..., n], ascending.

    At the regularised equilibrium they give each method's local rate (each file of `algorithms.games` states its
    multiplier). Computed from the similar skew matrix ``Q D A D Q``, ``D = diag sqrt(pi)``, ``Q = I - s s^T``,
    ``s = sqrt(pi)``, hence real to rounding. ``omega <= max|A|``.
    """
    blocks = _blocks(game)
    A, players = blocks.margins, blocks.players
    B, N = A.shape[:2]
    root = np.sqrt(np.asarray(policy, dtype=float).reshape(B, players, -1))
    n = root.shape[-1]
    projector = np.zeros((B, N, N))
    for k in range(players):
        at = slice(k * n, (k + 1) * n)
        projector[:, at, at] = np.eye(n) - root[:, k, :, None] * root[:, k, None, :]
    flat = root.reshape(B, N)
    skew = projector @ (flat[:, :, None] * A * flat[:, None, :]) @ projector
    return np.sort(np.abs(np.linalg.eigvalsh(1j * skew)), axis=-1).reshape(blocks.shape)
