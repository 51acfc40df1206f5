"""What is compared: the same network, material and minutes, with another pressure on the coefficients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """Args:
    loss: What replaces the base configuration's [loss].
    about: For the table.
    """

    about: str
    loss: dict[str, float]


ARMS: dict[str, Arm] = {
    # LIA's way: nothing asks for sparse coefficients.
    "dense": Arm(
        "no pressure (λ2 = 0)", {"sparse": 0.0, "max_sparsity_weight": 0.0, "factor_supervision": 0.0}
    ),
    # As the bundled weights' first run was trained.
    "shipped": Arm(
        "λ2 = 0.05, Hoyer ≥ .55", {"sparse": 0.05, "max_sparsity_weight": 3.0, "factor_supervision": 0.0}
    ),
    "strong": Arm(
        "λ2 = 0.5, Hoyer ≥ .85",
        {"sparse": 0.5, "max_sparsity_weight": 10.0, "hoyer_target": 0.85, "factor_supervision": 0.0},
    ),
    # Shipped, and the first 13 coefficients are pulled to measured factors.
    "named": Arm(
        "λ2 = 0.05 and meaning", {"sparse": 0.05, "max_sparsity_weight": 3.0, "factor_supervision": 4.0}
    ),
}
