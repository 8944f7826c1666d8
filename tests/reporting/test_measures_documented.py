"""``docs/indicators.md`` and the measures say the same."""

from pathlib import Path

from django.conf import settings

from reporting.measures import MEASURES

PAGE = Path(settings.BASE_DIR) / "docs" / "indicators.md"


def test_the_table_of_the_docs_is_that_of_the_measures():
    rows = [
        [cell.strip() for cell in line.strip("| \n").split(" | ")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `")
    ]
    documented = {row[0].strip("`"): (row[2], set(row[3].split(", "))) for row in rows}
    assert documented == {
        key: (str(measure.unit), set(measure.dimensions)) for key, measure in MEASURES.items()
    }
    assert [row[0].strip("`") for row in rows] == list(MEASURES)


def test_every_measure_names_its_source():
    for measure in MEASURES.values():
        assert measure.source.startswith("evaluation 2019, 4.")
        assert measure.definition
