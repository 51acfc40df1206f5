"""What every number of an evaluation is: definition, range, direction, and which protocol has it."""

from __future__ import annotations

from dataclasses import dataclass

from liax.evaluation.options import ProtocolName


@dataclass(frozen=True)
class Metric:
    """One number of a trial.

    Args:
        key: Its name in files.
        label: Its name in tables.
        measure: The family that measures it (`MetricFamily.name`), whose backbone is named beside the label.
        better: "lower", "higher" or "".
        range: Of its values, with their unit.
        digits: How many decimals are shown.
        definition: In a sentence.
        protocols: Those that have it.
    """

    key: str
    label: str
    measure: str
    better: str
    range: str
    digits: int
    definition: str
    protocols: tuple[ProtocolName, ...] = ("self", "cross")

    @property
    def arrow(self) -> str:
        return {"lower": "↓", "higher": "↑"}.get(self.better, "")


_PAIRED: tuple[ProtocolName, ...] = ("self",)
_LATER = "The same without frame 0, which is the source itself and flatters."

METRICS = (
    Metric("l1", "L1", "fidelity", "lower", "0…1", 4, "Mean |output − driving| of RGB in [0, 1].", _PAIRED),
    Metric(
        "psnr",
        "PSNR",
        "fidelity",
        "higher",
        "dB, ≤ 60",
        2,
        "−10 log10 of the mean squared error of RGB in [0, 1], which counts as 1e-6 at least.",
        _PAIRED,
    ),
    Metric(
        "ssim",
        "SSIM",
        "fidelity",
        "higher",
        "−1…1",
        3,
        "Structural similarity (Wang et al. 2004) over 11×11 Gaussian windows of σ 1.5 wholly inside the "
        "picture, mean over RGB.",
        _PAIRED,
    ),
    Metric("l1_later", "L1 without frame 0", "fidelity", "lower", "0…1", 4, _LATER, _PAIRED),
    Metric("psnr_later", "PSNR without frame 0", "fidelity", "higher", "dB, ≤ 60", 2, _LATER, _PAIRED),
    Metric("ssim_later", "SSIM without frame 0", "fidelity", "higher", "−1…1", 3, _LATER, _PAIRED),
    Metric(
        "perceptual",
        "perceptual distance",
        "perceptual",
        "lower",
        "≥ 0",
        3,
        "Learned distance of output and driving frame, by the backbone named. ST-LPIPS is not LPIPS: their "
        "numbers do not compare.",
        _PAIRED,
    ),
    Metric(
        "perceptual_later",
        "perceptual distance without frame 0",
        "perceptual",
        "lower",
        "≥ 0",
        3,
        _LATER,
        _PAIRED,
    ),
    Metric(
        "frechet",
        "Fréchet distance",
        "distribution",
        "lower",
        "≥ 0",
        1,
        "|μa − μb|² + tr(Σa + Σb − 2 (Σa Σb)^½) between features of all outputs and of all driving frames "
        "(Heusel et al. 2017), by the backbone named; only Inception's is FID. At most 60 frames a clip. It "
        "falls with the number of frames: compare equal numbers. In cross-reenactment the two sets show "
        "different people, so only its order means something.",
    ),
    Metric(
        "identity_cosine",
        "identity similarity",
        "identity",
        "higher",
        "−1…1",
        3,
        "Cosine of the face embeddings of output and source, mean over the frames with a face.",
    ),
    Metric(
        "identity_distance",
        "identity distance",
        "identity",
        "lower",
        "≥ 0",
        3,
        "Euclidean distance of the same embeddings; two pictures of one person are mostly below 0.6.",
    ),
    Metric(
        "akd",
        "landmark distance (AKD)",
        "faces",
        "lower",
        "≥ 0, eye distances",
        3,
        "Mean distance of 478 landmarks of output and driving face, over the distance of the driving face's "
        "eye centres.",
        _PAIRED,
    ),
    Metric(
        "akd_px",
        "AKD in pixels",
        "faces",
        "lower",
        "≥ 0, pixels",
        2,
        "The same in pixels, at the side at which frames are compared.",
        _PAIRED,
    ),
    Metric(
        "pose",
        "head-pose error",
        "faces",
        "lower",
        "0…180°",
        2,
        "Mean of |Δyaw|, |Δpitch| and |Δroll| of output and driving head, in degrees.",
        _PAIRED,
    ),
    Metric(
        "expression",
        "expression error",
        "faces",
        "lower",
        "0…1",
        4,
        "Mean |Δ| of the 51 blendshapes (MediaPipe's 52 but for _neutral) of output and driving face.",
        _PAIRED,
    ),
    Metric(
        "gaze",
        "gaze error",
        "faces",
        "lower",
        "0…1",
        4,
        "Mean |Δ| of the eight blendshapes that tell where the eyes look.",
        _PAIRED,
    ),
    Metric(
        "mouth_perceptual",
        "perceptual distance of mouths",
        "mouths",
        "lower",
        "≥ 0",
        3,
        "Learned distance of squares around the driving's lips, .4 of its face's longer side wide and scaled "
        "to 128 pixels, in output and driving frame.",
        _PAIRED,
    ),
    Metric(
        "teeth_error",
        "teeth error",
        "mouths",
        "lower",
        "0…1",
        3,
        "Mean |Δ| of the share of the height between the lips that shows teeth, in output and driving face, "
        "over the frames in which both mouths are open (the height is 4 % of the face or more).",
        _PAIRED,
    ),
    Metric(
        "teeth_gain",
        "teeth gain",
        "mouths",
        "",
        "≥ 0",
        2,
        "Mean share of teeth in the output over that in the driving, on the same frames; above 1, teeth are "
        "too long or shown where there are none.",
        _PAIRED,
    ),
    Metric(
        "faceless",
        "frames without a face",
        "faces",
        "lower",
        "0…1",
        4,
        "Share of the outputs in which no face is found; the errors above leave them out.",
    ),
    Metric(
        "warping",
        "warping error",
        "steadiness",
        "lower",
        "0…1",
        4,
        "Mean |o_t − o_t+1 moved back| over visible pixels, moved by the flow of the driving frames; of the "
        "output's own in cross-reenactment, and hidden where forward and backward flow disagree (Lai et al. "
        "2018).",
    ),
    Metric(
        "reference_warping",
        "warping error of the driving clip",
        "steadiness",
        "",
        "0…1",
        4,
        "The same of the driving frames themselves, which is what light, noise and errors of the flow amount "
        "to. An output that flickers, or does not follow the motion, lies above it.",
        _PAIRED,
    ),
    Metric(
        "t_lpips",
        "t-LPIPS",
        "steadiness",
        "lower",
        "≥ 0",
        4,
        "Mean |d(o_t, o_t+1) − d(g_t, g_t+1)| of perceptual distances d between consecutive outputs o and "
        "driving frames g (Chu et al. 2020), of every fifth pair, by the backbone named.",
        _PAIRED,
    ),
    Metric(
        "milliseconds",
        "time per frame",
        "drawing",
        "lower",
        "ms",
        1,
        "Encoding the driving frame and decoding the output, median over a clip's batches; without reading "
        "and measuring.",
    ),
)

MOTION_DEFINITIONS = {
    "correlation": "Pearson correlation of the driving and the output face's measure over the clip, −1…1.",
    "gain": "Slope of the output's measure on the driving's; 1 means that the whole movement arrives.",
    "beyond_pose": "Correlation of what a straight line in the driving head's yaw, pitch and roll leaves of "
    "both. It guards against measures that move with the head.",
}
