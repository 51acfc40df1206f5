"""How fast is a training step without the adversarial part, and where does its time go?

    python benchmarks/training_step.py --preset small --batch 32 [--compile] [--profile]

Prints steps per second, images per second and peak memory, measured on one device with a random batch, and
the fraction of the device's own bf16 rate (a large matrix product in the same run) that the step achieves,
counting the arithmetic of the network's forward pass three times (forward, and twice that backward).
"""

from __future__ import annotations

import argparse
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from liax.data.augment import Batch
from liax.face.factors import FACTORS
from liax.model import LIAX, PRESETS
from liax.training.config import LossConfig
from liax.training.losses import Reconstruction


def matmul_rate(device: torch.device) -> float:
    """bf16 operations a second of an 8192³ matrix product."""
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * 8192**3 / seconds(lambda: a @ b, 20)


def seconds(work, repeats: int) -> float:
    """Mean wall-clock time of `work` after three warm-ups."""
    for _ in range(3):
        work()
    synchronise()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    synchronise()
    return (time.perf_counter() - start) / repeats


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="small", choices=PRESETS)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 4

    config = PRESETS[options.preset]
    network = LIAX(config).to(device, memory_format=layout)
    criterion = Reconstruction(LossConfig(), options.compile).to(device)
    images = [torch.rand(options.batch, 3, config.size, config.size, device=device) * 2 - 1 for _ in range(3)]
    source, target, driving = (x.contiguous(memory_format=layout) for x in images)
    box = torch.tensor([0.3, 0.4, 0.6, 0.5], device=device).expand(options.batch, 3, 4)
    unknown = torch.full((options.batch, len(FACTORS)), torch.nan, device=device)
    batch = Batch(source, target, driving, box.contiguous(), unknown)
    with FlopCounterMode(display=False) as counter:
        network(source[:1], driving[:1])
    flops = 3 * options.batch * counter.get_total_flops()

    start = time.perf_counter()
    if options.compile:
        network.compile_large_maps()
    optimizer = torch.optim.Adam(
        network.parameters(), lr=2e-3, betas=(0.0, 0.99), fused=device.type == "cuda"
    )

    def step() -> None:
        levels, alpha_BM = network(source.to(dtype), driving.to(dtype))
        terms = criterion(levels, batch, dtype)
        (criterion.weighted(terms, 0) + alpha_BM.abs().mean()).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    synchronise()
    print(f"first step {time.perf_counter() - start:.1f} s")
    took = seconds(step, options.steps)
    print(f"{options.preset} batch {options.batch}: {1 / took:.2f} it/s, {options.batch / took:.0f} pairs/s")
    if device.type == "cuda":
        print(f"peak memory {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
        rate = matmul_rate(device)
        print(f"network: {flops / took / 1e12:.1f} of {rate / 1e12:.0f} TFLOP/s = {flops / took / rate:.1%}")
    if options.profile:
        activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=activities) as profile:
            for _ in range(3):
                step()
            synchronise()
        sort = "self_cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
        print(profile.key_averages().table(sort_by=sort, row_limit=30, max_name_column_width=70))


if __name__ == "__main__":
    main()
