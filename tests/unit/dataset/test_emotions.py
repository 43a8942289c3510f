import pytest

from dataset_svc.emotions import band_of, catalogue


def test_the_catalogue_has_the_emotions_of_the_system_before() -> None:
    entries = catalogue()

    groups = [entry.group for entry in entries]
    assert {group: groups.count(group) for group in groups} == {
        "neuroscience": 29,
        "metaphysical": 6,
        "neutral": 1,
    }
    assert entries == sorted(
        entries, key=lambda entry: ({"neutral": "z"}.get(entry.group, entry.group), entry.name)
    )


def test_an_emotion_may_be_in_two_groups() -> None:
    curiosity = [(entry.group, entry.frequency_hz) for entry in catalogue() if entry.name == "curiosity"]

    assert curiosity == [("metaphysical", 741.0), ("neuroscience", 40.0)]


@pytest.mark.parametrize(
    ("frequency_hz", "band"),
    [
        (0.4, ""),
        (0.5, "delta"),
        (4.0, "theta"),
        (7.9, "theta"),
        (8.0, "alpha"),
        (13.0, "beta"),
        (29.9, "beta"),
        (30.0, "gamma"),
        (100.0, ""),
        (432.0, ""),
    ],
)
def test_a_band_includes_its_lower_end_only(frequency_hz: float, band: str) -> None:
    assert band_of(frequency_hz) == band
