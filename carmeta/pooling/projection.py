"""The projection P(t) of random-effects models, over a batch axis: shared by all of tau2.

``P(t) = W - W X (X'WX)^-1 X'W`` with ``W = diag(1 / (vi + t))``, and ``dP/dt = -PP``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Bools, Floats, Indices
from carmeta.errors import DataError

# Elements of one temporary array: small enough to stay in the cache.
_CHUNK: Final = 1 << 17
_NONE: Final = np.zeros((0, 0))
# tr P is a difference of sums of weights: it keeps six digits of variances this far apart, and
# the cube of a weight is a float up to here.
_LEAST_SHARE: Final = 1e-10
_MOST_VARIANCE: Final = 1e60


@dataclass(slots=True)
class At:
    """Scalars of P(t), each of the shape of ``t``: ``(g, batch)``; empty where not asked for."""

    q: Floats  # y'Py
    s: Floats  # y'PPy
    u: Floats  # y'PPPy
    tr1: Floats  # tr P
    tr2: Floats  # tr PP
    sw: Floats  # sum of weights
    sw2: Floats  # sum of squared weights
    loglik: Floats  # without its constant, ML or REML as asked


class Intercept:
    """The model with a mean only; arrays are (k, 1, batch), so that sums run over axis 0."""

    p = 1

    def __init__(self, y: Floats, v: Floats, m: Floats | None) -> None:
        self.y, self.v, self.m = y, v, m
        self._unweighted: tuple[Floats, Floats] | None = None
        k = y.shape[0]
        self.n: Floats = np.full(y.shape[-1], float(k)) if m is None else m.sum(axis=0)[0]

    def take(self, rows: Indices) -> Intercept:
        """Some data sets, any number of times."""
        m = None if self.m is None else self.m[..., rows]
        return Intercept(self.y[..., rows], self.v[..., rows], m)

    def at(self, t: Floats, *, reml: bool = True, loglik: bool = False, slopes: bool = True) -> At:
        """Evaluate at ``t`` (g, batch): ``slopes`` adds u and tr2, ``loglik`` the likelihood."""
        total = self.v + t
        w = 1.0 / total if self.m is None else self.m / total
        sw = w.sum(axis=0)
        ok = sw if self.m is None else np.where(sw > 0, sw, 1.0)
        r = self.y - (w * self.y).sum(axis=0) / ok
        wr = w * r
        q = (wr * r).sum(axis=0)
        s = (wr * wr).sum(axis=0)
        w2 = w * w
        sw2 = w2.sum(axis=0)
        ratio = sw2 / ok
        u = tr2 = ll = _NONE
        if slopes:
            wwr = w * wr
            u = (wwr * wr).sum(axis=0) - wwr.sum(axis=0) ** 2 / ok
            tr2 = sw2 - 2.0 * (w2 * w).sum(axis=0) / ok + ratio * ratio
        if loglik:
            logs = np.log(total) if self.m is None else self.m * np.log(total)
            ll = -0.5 * (logs.sum(axis=0) + q)
            if reml:
                ll = ll - 0.5 * np.log(ok / np.maximum(self.n, 1.0))
        return At(q, s, u, sw - ratio, tr2, sw, sw2, ll)

    def unweighted(self) -> tuple[Floats, Floats]:
        """Residual sum of squares of the unweighted fit, and ``tr(M V)``, M its projection."""
        if self._unweighted is None:
            n = np.maximum(self.n, 1.0)
            y, v = (self.y, self.v) if self.m is None else (self.m * self.y, self.m * self.v)
            r = self.y - y.sum(axis=0) / n
            r = r if self.m is None else self.m * r
            self._unweighted = (r * r).sum(axis=0)[0], (v.sum(axis=0) * (1.0 - 1.0 / n))[0]
        return self._unweighted


class Regression:
    """The model with moderators; ``x`` (batch, k, p) has orthonormal columns."""

    def __init__(self, y: Floats, v: Floats, m: Floats | None, x: Floats) -> None:
        self.y, self.v, self.m, self.x = y, v, m, x  # y, v, m as in Intercept
        self.p = x.shape[-1]
        k = y.shape[0]
        self.n: Floats = np.full(y.shape[-1], float(k)) if m is None else m.sum(axis=0)[0]

    def take(self, rows: Indices) -> Regression:
        """Some data sets, any number of times."""
        m = None if self.m is None else self.m[..., rows]
        x = self.x if self.x.shape[0] == 1 else self.x[rows]
        return Regression(self.y[..., rows], self.v[..., rows], m, x)

    def at(self, t: Floats, *, reml: bool = True, loglik: bool = False, slopes: bool = True) -> At:
        """As :meth:`Intercept.at`; ``slopes`` are always there."""
        total = np.moveaxis(self.v + t, 0, -1)  # (g, batch, k)
        mask = None if self.m is None else np.moveaxis(self.m, 0, -1)
        w = 1.0 / total if mask is None else mask / total
        y = np.moveaxis(self.y, 0, -1)
        x, wx = self.x, w[..., None] * self.x
        xt = np.swapaxes(x, -1, -2)
        a = xt @ wx
        ainv = np.linalg.inv(a)
        beta = ainv @ (np.swapaxes(wx, -1, -2) @ y[..., None])
        r = y - (x @ beta)[..., 0]
        wr = w * r
        wwr = w * wr
        b2 = xt @ (w[..., None] * wx)
        b3 = xt @ ((w * w)[..., None] * wx)
        xw = xt @ wwr[..., None]
        c = ainv @ b2
        sw, sw2 = w.sum(axis=-1), (w * w).sum(axis=-1)
        q = (wr * r).sum(axis=-1)
        u = (wwr * wr).sum(axis=-1) - (np.swapaxes(xw, -1, -2) @ ainv @ xw)[..., 0, 0]
        tr1 = sw - np.trace(c, axis1=-2, axis2=-1)
        tr2 = sw2 - 2.0 * np.trace(ainv @ b3, axis1=-2, axis2=-1)
        tr2 = tr2 + np.trace(c @ c, axis1=-2, axis2=-1)
        ll = np.zeros_like(q)
        if loglik:
            logs = np.log(total) if mask is None else mask * np.log(total)
            ll = -0.5 * (logs.sum(axis=-1) + q)
            if reml:
                ll -= 0.5 * np.linalg.slogdet(a)[1]
        return At(q, (wr * wr).sum(axis=-1), u, tr1, tr2, sw, sw2, ll)

    def unweighted(self) -> tuple[Floats, Floats]:
        """As :meth:`Intercept.unweighted`."""
        m = np.ones_like(self.y) if self.m is None else self.m
        y, v = (m * self.y)[:, 0, :].T, (m * self.v)[:, 0, :].T
        x = self.x
        fitted = (x @ (np.swapaxes(x, -1, -2) @ y[..., None]))[..., 0]
        leverage = (x * x).sum(axis=-1)
        return ((y - fitted) ** 2).sum(axis=-1), (v * (1.0 - leverage)).sum(axis=-1)


Problem = Intercept | Regression


# -- shapes and checks -----------------------------------------------------------------


def as_batch(
    yi: ArrayLike, vi: ArrayLike, x: ArrayLike | None, mask: ArrayLike | None
) -> tuple[Floats, Floats, Bools | None, Floats | None, tuple[int, ...]]:
    """Check the input; return y, v, mask (batch, k), an orthonormal design and the shape."""
    y = np.asarray(yi, dtype=float)
    v = np.asarray(vi, dtype=float)
    if mask is None and x is None and y.shape == v.shape and y.size:
        k = y.shape[-1]
        y, v, shape = y.reshape(-1, k), v.reshape(-1, k), y.shape[:-1]
        _require_usable(y, v, None)
        return y, v, None, None, shape
    m = None if mask is None else np.asarray(mask, dtype=bool)
    raw = None if x is None else np.asarray(x, dtype=float)
    parts = [y.shape, v.shape]
    parts += [] if m is None else [m.shape]
    parts += [] if raw is None else [raw.shape[:-1]]
    full = np.broadcast_shapes(*parts)
    if not full or full[-1] == 0:
        raise DataError("no studies: tau2 needs at least one effect")
    shape, k = full[:-1], full[-1]
    y = np.broadcast_to(y, full).reshape(-1, k)
    v = np.broadcast_to(v, full).reshape(-1, k)
    if m is not None:
        m = np.broadcast_to(m, full).reshape(-1, k)
        if bool(m.all()):
            m = None
        else:
            y, v = np.where(m, y, 0.0), np.where(m, v, 1.0)
    _require_usable(y, v, m)
    design = None if raw is None else _orthonormal(raw, m, full)
    return y, v, m, design, shape


def _require_usable(y: Floats, v: Floats, m: Bools | None) -> None:
    """Raise DataError for the first effect (batch, k) that cannot be used, by its place."""
    good = np.isfinite(y) & (v > 1.0 / _MOST_VARIANCE) & (v < _MOST_VARIANCE)
    if not bool(good.all()):
        row, col = (int(i) for i in np.argwhere(~good)[0])
        raise DataError(
            f"{_place(y, row, col)}: effect {y[row, col]:g} with variance {v[row, col]:g}"
        )
    least = (v if m is None else np.where(m, v, np.inf)).min(axis=-1)
    most = (v if m is None else np.where(m, v, 0.0)).max(axis=-1)
    wide = least < _LEAST_SHARE * most
    if bool(wide.any()):
        row = int(np.flatnonzero(wide)[0])
        col = int((v[row] if m is None else np.where(m[row], v[row], np.inf)).argmin())
        raise DataError(
            f"{_place(y, row, col)}: variance {least[row]:g} beside {most[row]:g} cannot be "
            f"weighed: the least must be {_LEAST_SHARE:g} of the largest or more"
        )


def _place(y: Floats, row: int, col: int) -> str:
    return f"study {col + 1}" + (f" of data set {row + 1}" if y.shape[0] > 1 else "")


def _orthonormal(raw: Floats, m: Bools | None, full: tuple[int, ...]) -> Floats | None:
    """Orthonormal basis of the design's columns, (1 or batch, k, p); None for a mean only."""
    k, p = raw.shape[-2:]
    if not bool(np.isfinite(raw).all()):
        raise DataError("the design holds a value that is not finite")
    if p == 1 and bool((raw == raw.flat[0]).all()) and raw.flat[0] != 0:
        return None
    if raw.ndim == 2 and m is None:
        design = raw[None]
    else:
        design = np.broadcast_to(raw, (*full, p)).reshape(-1, k, p)
        if m is not None:
            design = design * m[..., None]
    # Columns to unit length first: the rank test below is then free of their units.
    length = np.sqrt((design**2).sum(axis=-2, keepdims=True))
    basis, r = np.linalg.qr(design / np.where(length > 0, length, 1.0))
    diagonal = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    if k < p or bool((diagonal < 1e-10).any()):
        raise DataError("the design is rank deficient: its columns repeat each other")
    return cast("Floats", basis)


def chunks(b: int, k: int, design: Floats | None) -> list[slice]:
    """Rows to work on at once."""
    width = k * 16 if design is None else k * 16 * design.shape[-1]
    step = max(1, _CHUNK // width)
    return [slice(i, min(i + step, b)) for i in range(0, b, step)]


def make_problem(
    y: Floats, v: Floats, m: Bools | None, design: Floats | None, rows: slice
) -> Problem:
    """The data sets of ``rows`` (all of them (batch, k)) as a problem."""
    yy, vv = y[rows].T[:, None, :], v[rows].T[:, None, :]
    mm = None if m is None else m[rows].T[:, None, :].astype(float)
    # The mean is taken out first: residuals then keep their digits.
    count = float(yy.shape[0]) if mm is None else np.maximum(mm.sum(axis=0), 1.0)
    if design is None:
        yy = yy - yy.sum(axis=0) / count
        if mm is not None:
            yy = yy * mm
        return Intercept(np.ascontiguousarray(yy), np.ascontiguousarray(vv), mm)
    x = design if design.shape[0] == 1 else design[rows]
    return Regression(yy, vv, mm, x)
