"""What a fit is, when it exists, and how it is found: shared by the models of `duel.likelihood`.

Existence. An item fit is finite iff the graph of wins is strongly connected [ford1957solution]_. In general no
direction of recession may exist; the certificate is either a small Newton decrement at a point where the information
is positive (self-concordance, [bach2010self]_, proposition 2) or a linear program [albert1984existence]_.
"""

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import optimize, special, stats
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from duel import links
from duel.errors import InvalidInput, unknown

MAX_ITERATIONS = 100
TOLERANCE = 1e-10  # on the Newton decrement per comparison


class Status(enum.Enum):
    """What a `Fit` is. Only CONVERGED and ON_BOUNDARY carry numbers."""

    CONVERGED = "converged"
    ON_BOUNDARY = "the constraint is active: the estimate lies on the boundary of the parameter set"
    NO_MAXIMUM = "the maximum is not attained: some items only win, or the comparisons are separable"
    DISCONNECTED = "some items were never compared, directly or through others"
    UNIDENTIFIED = "the comparisons do not determine every parameter"
    NOT_CONVERGED = "the stopping rule was not met"


class FitError(ArithmeticError):
    """A fit without an estimate was asked for its numbers."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A maximum-likelihood fit, with what was maximised and when it stopped.

    Attributes
    ----------
    estimate : float64 [d]
        Parameters; NaN unless `status` is CONVERGED or ON_BOUNDARY. Item fits sum to zero.
    covariance : float64 [d, d]
        Inverse Fisher information on the identified space (pseudo-inverse).
    sandwich : float64 [d, d]
        ``H^-1 B H^-1`` with B the summed outer products of scores: valid when the model is wrong.
    tie : float
        Davidson's nu or Rao and Kupper's eta; NaN for models without ties.
    tie_error : float
        Standard error of log nu, or of eta.
    log_likelihood, gradient_norm : float
        At the estimate; the gradient per comparison.
    comparisons : float
    iterations : int
    status : Status
    model, objective, stopping : str
        In words.
    components : tuple of tuples of int
        Strongly connected groups of items, when that is why there is no estimate.
    """

    estimate: np.ndarray
    covariance: np.ndarray
    sandwich: np.ndarray
    log_likelihood: float
    gradient_norm: float
    comparisons: float
    iterations: int
    status: Status
    model: str
    objective: str
    stopping: str
    tie: float = math.nan
    tie_error: float = math.nan
    components: tuple[tuple[int, ...], ...] = field(default=())

    @property
    def exists(self) -> bool:
        """Whether there is an estimate."""
        return self.status in (Status.CONVERGED, Status.ON_BOUNDARY)

    def require(self) -> "Fit":
        """This fit, or FitError with the reason why it has no estimate."""
        if self.exists:
            return self
        groups = f" Groups that are each connected: {self.components}." if self.components else ""
        raise FitError(
            f"{self.model}: {self.status.value}.{groups} Remedy: more comparisons, or a proper prior or bound "
            "(ridge=, box=, firth=True)."
        )

    def intervals(self, level: float = 0.95, kind: str = "fisher") -> np.ndarray:
        """Wald intervals of each parameter at `level`: [d, 2].

        `kind` is "fisher", "sandwich", or "simultaneous" (the projections of the Fisher ellipsoid: Scheffe).
        """
        if kind not in ("fisher", "sandwich", "simultaneous"):
            raise unknown("kind", kind, ("fisher", "sandwich", "simultaneous"))
        covariance = self.sandwich if kind == "sandwich" else self.covariance
        rank = np.linalg.matrix_rank(covariance, rtol=1e-10, hermitian=True) if kind == "simultaneous" else 1
        half = math.sqrt(stats.chi2.ppf(_share("level", level), rank)) * np.sqrt(np.diag(covariance))
        return np.stack([self.estimate - half, self.estimate + half], axis=1)

    def ellipsoid(self, theta: Any, level: float = 0.95) -> bool:
        """Whether `theta` [d] lies in the Fisher confidence ellipsoid (likelihood-ratio shape: H at the estimate)."""
        e = np.asarray(theta, dtype=float) - self.estimate
        rank = np.linalg.matrix_rank(self.covariance, rtol=1e-10, hermitian=True)
        return bool(
            e @ np.linalg.pinv(self.covariance, rcond=1e-10, hermitian=True) @ e
            <= stats.chi2.ppf(_share("level", level), rank)
        )

    def describe(self) -> str:
        """Model, objective, stopping rule and status, one line each."""
        return (
            f"model      {self.model}\nobjective  {self.objective}\nstopping   {self.stopping} "
            f"(here after {self.iterations} iterations, gradient {self.gradient_norm:.1e} per comparison)\n"
            f"status     {self.status.name.lower()}: {self.status.value}"
        )


def _share(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise InvalidInput(f"{name} must lie strictly between 0 and 1; got {value!r}.")
    return float(value)


def components(beats: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Strongly connected groups of the directed graph ``beats`` [K, K] (bool): i -> j if i ever beat j."""
    labels = connected_components(csr_array(beats), directed=True, connection="strong")[1]
    return tuple(sorted(tuple(int(i) for i in np.flatnonzero(labels == g)) for g in np.unique(labels)))


def existence(beats: np.ndarray) -> Status:
    """CONVERGED if a Bradley-Terry or Plackett-Luce maximum exists for the graph of wins, else why not."""
    graph = csr_array(beats)
    if connected_components(graph, directed=True, connection="strong", return_labels=False) == 1:
        return Status.CONVERGED
    if connected_components(graph, directed=True, connection="weak", return_labels=False) > 1:
        return Status.DISCONNECTED
    return Status.NO_MAXIMUM


def recedes(rows: Any) -> bool:
    """Whether some direction has ``rows @ direction >= 0`` and not all 0: the likelihood then grows without end.

    `rows` [m, d] holds, per observed outcome and alternative, the statistic of the outcome less that of the
    alternative; for signed differences this is (quasi-)separability. One linear program.
    """
    A = np.unique(np.asarray(rows, dtype=float), axis=0)
    m, d = A.shape
    solution = optimize.linprog(-A.sum(axis=0), A_ub=-A, b_ub=np.zeros(m), bounds=[(-1, 1)] * d, method="highs")
    return bool(-solution.fun > 1e-9 * max(1.0, np.abs(A).max()))


def link_law(link: str) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """z -> ln F(z), score F'/F, and information F'^2 / (F (1 - F)) of one comparison."""
    code = links.code(link)
    if code == links.LOGISTIC:

        def logistic(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            e = np.abs(z)
            np.exp(np.negative(e, out=e), out=e)
            rest = 1 + e
            log_F = np.minimum(z, 0)
            log_F -= np.log(rest)  # e in (0, 1]: as accurate as log1p up to 1e-16 in ln F
            np.divide(1, rest, out=rest)  # F(|z|)
            e *= rest
            lost = np.where(z >= 0, e, rest)  # F(-z)
            e *= rest
            return log_F, lost, e

        return logistic
    if code in (links.PROBIT, links.THURSTONE):
        scale = 1.0 if code == links.PROBIT else links.SQRT_HALF

        def normal(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            x = scale * z
            log_F, log_G = special.log_ndtr(x), special.log_ndtr(-x)
            log_density = -0.5 * x * x - links.LOG_SQRT_TWO_PI
            return log_F, scale * np.exp(log_density - log_F), scale**2 * np.exp(2 * log_density - log_F - log_G)

        return normal
    log_cdf, slope = links.log_cdf_jnp(link), links.derivative_jnp(link)

    def other(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        log_F, log_G, s = (np.asarray(f) for f in (log_cdf(z), log_cdf(-z), slope(z)))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            score = s * np.exp(-log_F)
            return log_F, np.where(s > 0, score, 0.0), np.where(s > 0, s * s * np.exp(-log_F - log_G), 0.0)

    return other


def ascend(
    evaluate: Callable[[np.ndarray], tuple[Any, ...]],
    point: np.ndarray,
    step_of: Callable[[np.ndarray, np.ndarray], np.ndarray | None],
    n: float,
) -> tuple[np.ndarray, tuple[Any, ...], int, bool]:
    """Newton's method with step halving: point, `evaluate` there, iterations, whether the decrement is small enough.

    `evaluate` gives (value, gradient, information, anything else); `step_of` the step from gradient and information, or
    None where there is none to be had.
    """
    found, iterations, done = evaluate(point), 0, False
    while iterations < MAX_ITERATIONS and not done:
        value, g, H = found[:3]
        step = step_of(g, H)
        if step is None:
            break
        gain = float(g @ step)
        done = gain <= TOLERANCE * TOLERANCE * n
        iterations += 1
        scale = 1.0
        while not done and scale > 1e-8:
            following = evaluate(point + scale * step)
            if following[0] >= value + 1e-4 * scale * gain - 1e-13 * abs(value):
                point, found = point + scale * step, following
                break
            scale *= 0.5
        else:
            break  # no progress, or done
    return point, found, iterations, done


def empty_fit(d: int, comparisons: float, model: str, objective: str) -> Fit:
    """A `Fit` of d parameters without numbers (NaN), NOT_CONVERGED: what `dataclasses.replace` fills in."""
    nothing = np.full((d, d), math.nan)
    return Fit(
        estimate=np.full(d, math.nan),
        covariance=nothing,
        sandwich=nothing,
        log_likelihood=math.nan,
        gradient_norm=math.nan,
        comparisons=comparisons,
        iterations=0,
        status=Status.NOT_CONVERGED,
        model=model,
        objective=objective,
        stopping=f"Newton decrement^2 <= {TOLERANCE:g}^2 per comparison, at most {MAX_ITERATIONS} iterations",
    )


def laplacian(S: np.ndarray) -> np.ndarray:
    """Graph Laplacian of symmetric weights [K, K]."""
    L = -S
    L[np.diag_indices(len(S))] += S.sum(axis=1)
    return L
