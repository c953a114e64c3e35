"""Special functions for compiled code, where nothing can be imported. Checked against SciPy."""

import math


def beta_above_half(a: float, b: float) -> float:
    """Pr(theta > 1/2) for theta ~ Beta(a, b), a and b > 0: the regularised incomplete beta function I_1/2(b, a).

    Relative error below 1e-12 up to a + b = 1e4 and 1e-10 up to 1e6. Elementary operations only: the log-gamma function
    of compiled code is not that of the interpreter, and both must give the same bits.
    """
    if a == b:
        return 0.5
    return 1.0 - incomplete_beta_half(a, b) if a > b else incomplete_beta_half(b, a)


def incomplete_beta_half(p: float, q: float) -> float:
    """I_1/2(p, q) for p > q, where the continued fraction [dlmf, 8.17.22] takes O(sqrt(p + q)) steps (Lentz)."""
    # 2^-(p+q) Gamma(p+q) / (Gamma(p) Gamma(q)) by Stirling's formula, whose large terms are cancelled by hand.
    main = p * math.log1p((q - p) / (2.0 * p)) + q * math.log1p((p - q) / (2.0 * q))
    remainder = stirling_remainder(p + q) - stirling_remainder(p) - stirling_remainder(q)
    front = math.sqrt(p * (q / (p + q)) / (2.0 * math.pi)) * math.exp(main + remainder)
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


def stirling_remainder(x: float) -> float:
    """ln Gamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2) for x > 0 [dlmf, 5.11.1], carried to x >= 10 by recurrence."""
    total = 0.0
    while x < 10.0:
        total += (x + 0.5) * math.log1p(1.0 / x) - 1.0
        x += 1.0
    y = 1.0 / (x * x)
    series = 1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y * (1 / 1188 - y * (691 / 360360 - y / 156)))))
    return total + series / x
