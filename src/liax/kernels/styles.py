"""The demodulation of all styled convolutions in one launch."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

BLOCK = 32  # output channels of a program
_IMAGES = 8  # of a program


@triton.jit
def _demodulate(  # type: ignore[no-untyped-def]
    m_BM, squares, table_N5, out_BN, m_row, out_row, eps, images,
    MOST: tl.constexpr, BATCH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    entry = table_N5 + 5 * tl.program_id(0)
    begin, start, inputs = tl.load(entry), tl.load(entry + 1), tl.load(entry + 2)
    first, outputs = tl.load(entry + 3), tl.load(entry + 4)
    o = tl.arange(0, BLOCK)
    b = tl.program_id(1) * BATCH + tl.arange(0, BATCH)
    total = tl.zeros((BLOCK, BATCH), tl.float32)
    for i0 in range(0, MOST, 32):
        i = i0 + tl.arange(0, 32)
        here = (o < outputs)[:, None] & (i < inputs)[None, :]
        s = tl.load(squares + start + o[:, None] * inputs + i[None, :], mask=here, other=0.0)
        at = b[None, :] * m_row + begin + i[:, None]
        m = tl.load(m_BM + at, mask=(i < inputs)[:, None] & (b < images)[None, :], other=0.0)
        total += tl.sum(s[:, :, None] * (m * m)[None, :, :], 1)
    place = b[None, :] * out_row + first + o[:, None]
    tl.store(out_BN + place, tl.rsqrt(total + eps), mask=(o < outputs)[:, None] & (b < images)[None, :])


def demodulations(
    m_BM: Tensor, squares: Tensor, table_N5: Tensor, outputs: int, most: int, eps: float
) -> Tensor:
    """rsqrt(Σ_i squares_oi · m_i² + eps) for every output channel o of many convolutions: (B, outputs).

    Args:
        m_BM: Modulations of all convolutions, side by side.
        squares: Of all convolutions, flat.
        table_N5: For each block of at most BLOCK output channels, int64: the column where its convolution's
            modulations begin, where the block's squares begin, the number of input channels, the column of
            its first output, and the number of its outputs.
        outputs: Of all convolutions.
        most: Input channels of the widest convolution.
    """
    out = m_BM.new_empty(len(m_BM), outputs)
    batch = min(_IMAGES, triton.next_power_of_2(len(m_BM)))
    _demodulate[(len(table_N5), triton.cdiv(len(m_BM), batch))](
        m_BM, squares, table_N5, out, m_BM.stride(0), out.stride(0), eps, len(m_BM),
        MOST=most, BATCH=batch, BLOCK=BLOCK,
    )  # fmt: skip
    return out
