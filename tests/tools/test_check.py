"""Which tests a change needs."""

from __future__ import annotations

from tools.check import FENCES, mirroring_tests

KNOWN = [
    *FENCES,
    "tests/face/test_crop.py",
    "tests/face/test_find.py",
    "tests/portrait/test_motion_transfer.py",
    "tests/portrait/test_motion_smoothing.py",
    "tests/portrait/test_edit.py",
    "tests/portrait/test_edit_video.py",
]


def chosen(*changed: str) -> list[str]:
    return [path for path in mirroring_tests(changed, KNOWN) if path not in FENCES]


def test_a_module_is_mirrored_by_name() -> None:
    assert chosen("src/liax/face/crop.py") == ["tests/face/test_crop.py"]
    assert chosen("src/liax/portrait/motion.py") == [
        "tests/portrait/test_motion_smoothing.py",
        "tests/portrait/test_motion_transfer.py",
    ]


def test_a_module_without_mirroring_tests_its_name_needs_its_room() -> None:
    assert chosen("src/liax/face/track.py") == ["tests/face/test_crop.py", "tests/face/test_find.py"]


def test_changed_tests_run_and_documents_need_the_fences_only() -> None:
    assert chosen("tests/face/test_find.py", "docs/training.md") == ["tests/face/test_find.py"]
    assert mirroring_tests(["README.md"], KNOWN) == sorted(FENCES)
