import numpy as np
from linear_faces import Brightness
from numpy.typing import NDArray

from liax.interpretation.instrument import CompositeInstrument, instrument_columns


class Darkness(Brightness):
    name = "darkness"

    def measure(self, images: object) -> NDArray[np.float64]:
        return -super().measure(images)  # type: ignore[arg-type]


def pictures(count: int) -> list[NDArray[np.uint8]]:
    return [np.full((4, 4, 3), level, np.uint8) for level in range(count)]


def test_every_picture_is_seen_by_all() -> None:
    first, second = Brightness(), Darkness()
    with CompositeInstrument([first, second]) as both:
        assert both.name == "brightness + darkness"
        measured_NF = both.measure(iter(pictures(150)))
    assert measured_NF.shape == (150, 4)
    assert measured_NF[:, 0].tolist() == list(range(150))
    assert (measured_NF[:, 2:] == -measured_NF[:, :2]).all()
    assert (first.seen, second.seen) == (150, 150)
    assert both.measure([]).shape == (0, 4)


def test_columns_of_one_instrument() -> None:
    names = tuple(CompositeInstrument([Brightness(), Darkness()]).factors)
    assert names[0] == "brightness: bright"
    assert instrument_columns(names, "darkness") == ([2, 3], ("bright", "right"))
    assert instrument_columns(names, "nobody") == ([], ())


def test_pictures_are_taken_as_they_are_needed() -> None:
    taken = []

    class Watching(Brightness):
        def measure(self, images: object) -> NDArray[np.float64]:
            measured_NF = super().measure(images)  # type: ignore[arg-type]
            taken.append((self.seen, drawn[0]))
            return measured_NF

    drawn = [0]

    def drawing() -> object:
        for picture in pictures(200):
            drawn[0] += 1
            yield picture

    CompositeInstrument([Watching()]).measure(drawing())  # type: ignore[arg-type]
    assert all(ahead - seen == 0 for seen, ahead in taken)
    assert len(taken) > 2
