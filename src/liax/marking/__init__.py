"""Results that say that they are synthetic: a signed manifest in the file, and how to read it again."""

from __future__ import annotations

from liax.marking.provenance import NOT_SYNTHETIC, Provenance

__all__ = ["NOT_SYNTHETIC", "Provenance"]
