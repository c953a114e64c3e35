"""Small dense linear algebra for compiled loops: plain loops, so that interpreted and compiled code give equal bits.

BLAS and NumPy's pairwise sums add in an order that depends on the build and on the compiler mode; these loops add from
the first index to the last. Matrices here are d x d with d up to a few dozen.

The widths ||x||_{M^-1} of a growing M = M_0 + sum of w z z^T come from a square root S with S^T S = M^-1, held through
rank-one changes (Potter's form): widths are then sums of squares, ||S x||, and can neither cancel nor turn negative.
"""

import math

import numpy as np


def dot(a: np.ndarray, b: np.ndarray) -> float:
    """a^T b of vectors [d]."""
    total = 0.0
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


def matvec(A: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """out = A x for A [m, d]."""
    for i in range(len(A)):
        total = 0.0
        for k in range(len(x)):
            total += A[i, k] * x[k]
        out[i] = total


def quadratic(A: np.ndarray, x: np.ndarray) -> float:
    """x^T A x."""
    total = 0.0
    for i in range(len(x)):
        row = 0.0
        for k in range(len(x)):
            row += A[i, k] * x[k]
        total += x[i] * row
    return total


def add_outer(A: np.ndarray, x: np.ndarray, weight: float) -> None:
    """A += weight x x^T, in place."""
    for i in range(len(x)):
        scaled = weight * x[i]
        for k in range(len(x)):
            A[i, k] += scaled * x[k]


def cholesky(A: np.ndarray, L: np.ndarray, shift: float = 0.0) -> bool:
    """L lower triangular with L L^T = A - shift I, in place; False (and L unfinished) if that is not positive definite.

    Reads the lower triangle of A; leaves the upper triangle of L alone.
    """
    d = len(A)
    for j in range(d):
        pivot = A[j, j] - shift
        for k in range(j):
            pivot -= L[j, k] * L[j, k]
        if not pivot > 0.0:
            return False
        root = math.sqrt(pivot)
        L[j, j] = root
        for i in range(j + 1, d):
            total = A[i, j]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            L[i, j] = total / root
    return True


def cholesky_solve(L: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out = (L L^T)^-1 b; `out` may be `b`."""
    d = len(b)
    for i in range(d):
        total = b[i]
        for k in range(i):
            total -= L[i, k] * out[k]
        out[i] = total / L[i, i]
    for i in range(d - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, d):
            total -= L[k, i] * out[k]
        out[i] = total / L[i, i]


def inverse_root(A: np.ndarray, S: np.ndarray, L: np.ndarray) -> bool:
    """S = L^-1, so that S^T S = A^-1, for A = L L^T positive definite; L is workspace. False if A is not."""
    if not cholesky(A, L):
        return False
    d = len(A)
    for j in range(d):
        for i in range(d):
            if i < j:
                S[i, j] = 0.0
            else:
                total = 1.0 if i == j else 0.0
                for k in range(j, i):
                    total -= L[i, k] * S[k, j]
                S[i, j] = total / L[i, i]
    return True


def root_update(S: np.ndarray, z: np.ndarray, weight: float, work: np.ndarray) -> None:
    """S^T S = A^-1 becomes (A + weight z z^T)^-1, in place: S -= c w (w^T S), w = S z, c = (1 - 1/sqrt(1+s)) / |w|^2.

    With s = weight |w|^2. `work` is [2, d]. Errors grow by rounding only; call `inverse_root` now and then.
    """
    d = len(z)
    w, row = work[0], work[1]
    size = 0.0
    for i in range(d):
        total = 0.0
        for k in range(d):
            total += S[i, k] * z[k]
        w[i] = total
        size += total * total
    s = weight * size
    root = math.sqrt(1.0 + s)
    scale = weight / (root * (root + 1.0))  # (1 - 1/root) / size without cancellation
    for k in range(d):
        row[k] = 0.0
    for i in range(d):
        for k in range(d):
            row[k] += w[i] * S[i, k]
    for i in range(d):
        scaled = scale * w[i]
        for k in range(d):
            S[i, k] -= scaled * row[k]


def inverse_update(A_inverse: np.ndarray, z: np.ndarray, weight: float, work: np.ndarray) -> None:
    """A^-1 becomes (A + weight z z^T)^-1, in place (Sherman-Morrison); `work` is [d]."""
    matvec(A_inverse, z, work)
    scale = weight / (1.0 + weight * dot(z, work))
    add_outer(A_inverse, work, -scale)


def inverse(A: np.ndarray, out: np.ndarray, L: np.ndarray) -> bool:
    """out = A^-1 for A positive definite; L is workspace. False if A is not."""
    if not cholesky(A, L):
        return False
    d = len(A)
    for j in range(d):
        for i in range(d):
            out[j, i] = 1.0 if i == j else 0.0
        cholesky_solve(L, out[j], out[j])
    return True
