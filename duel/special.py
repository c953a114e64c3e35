"""Special functions for compiled code, where nothing can be imported. Checked against SciPy."""

import math


def beta_above_half(a: float, b: float) -> float:
    """Pr(theta > 1/2) for theta ~ Beta(a, b), a and b > 0: the regularised incomplete beta function I_1/2(b, a).

    Relative error below 1e-9 up to a + b = 1e5 and 1e-8 up to 1e6 (the log-gamma function's cancellation).
    """
    if a == b:
        return 0.5
    return 1.0 - incomplete_beta_half(a, b) if a > b else incomplete_beta_half(b, a)


def incomplete_beta_half(p: float, q: float) -> float:
    """I_1/2(p, q) for p > q, where the continued fraction [dlmf, 8.17.22] takes O(sqrt(p + q)) steps (Lentz)."""
    front = math.exp(math.lgamma(p + q) - math.lgamma(p) - math.lgamma(q) - (p + q) * math.log(2.0))
    tiny = 1e-300
    c, d = 1.0, 1.0 - (p + q) * 0.5 / (p + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    h = d
    for m in range(1, 10_000):
        m2 = 2.0 * m
        term = m * (q - m) * 0.5 / ((p + m2 - 1.0) * (p + m2))
        d = 1.0 + term * d
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = 1.0 + term / c
        c = c if abs(c) > tiny else tiny
        h *= d * c
        term = -(p + m) * (p + q + m) * 0.5 / ((p + m2) * (p + m2 + 1.0))
        d = 1.0 + term * d
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = 1.0 + term / c
        c = c if abs(c) > tiny else tiny
        change = d * c
        h *= change
        if abs(change - 1.0) < 1e-15:
            break
    return front * h / p
