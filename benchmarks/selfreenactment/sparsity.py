"""How sparse the motion coefficients are: as they are, without their mean, and as changes within a clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A coefficient counts as used in a frame above this share of the frame's largest.
SHARE = 0.05


def hoyer(alpha_TM: NDArray[np.float64]) -> NDArray[np.float64]:
    """(√M - ‖a‖₁/‖a‖₂) / (√M - 1) of each row (Hoyer 2004): 0 all equal, 1 a single one; NaN for zeros."""
    root = np.sqrt(alpha_TM.shape[1])
    one = np.abs(alpha_TM).sum(1)
    two = np.linalg.norm(alpha_TM, axis=1)
    ratio = np.divide(one, two, out=np.full_like(one, np.nan), where=two > 0)
    return (root - ratio) / (root - 1)


def used(alpha_TM: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which coefficients exceed SHARE of their row's largest, by magnitude."""
    size = np.abs(alpha_TM)
    return size > SHARE * size.max(1, keepdims=True)


def describe(alpha_TM: NDArray[np.float64]) -> dict[str, float]:
    """Mean Hoyer sparsity, mean number used per frame, number used in any frame; without zero rows."""
    moving = alpha_TM[np.abs(alpha_TM).max(1) > 0]
    if not len(moving):
        return {"hoyer": float("nan"), "used_per_frame": 0.0, "used_at_all": 0}
    mask = used(moving)
    return {
        "hoyer": float(hoyer(moving).mean()),
        "used_per_frame": float(mask.sum(1).mean()),
        "used_at_all": int(mask.any(0).sum()),
    }


def sparsity(clips: list[NDArray[np.float64]]) -> dict[str, object]:
    """Of all clips' coefficients, each (T, M) with the source's frame first.

    "plain" is a; "centred" a minus its mean over all frames: a large constant coefficient would otherwise
    pass as sparsity; "change" a_t - a_1 within each clip. "varying" counts the vectors whose standard
    deviation over all frames exceeds SHARE of the largest. Coefficients compare because
    vectors have unit length.
    """
    plain = np.concatenate(clips).astype(np.float64)
    change = np.concatenate([(clip - clip[:1])[1:] for clip in clips]).astype(np.float64)
    deviation = plain.std(0)
    return {
        "vectors": plain.shape[1],
        "frames": len(plain),
        "plain": describe(plain),
        "centred": describe(plain - plain.mean(0)),
        "change": describe(change),
        "varying": int((deviation > SHARE * deviation.max()).sum()),
    }
