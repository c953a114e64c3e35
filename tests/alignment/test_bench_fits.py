"""The rows of ``duel bench --fits`` measure the same maximum reached in different ways."""

import json

from duel import bench_fits
from duel.cli import main


def test_rivals_reach_the_same_maximum():
    rows = list(bench_fits.rows(quick=True))
    assert len(rows) == 4
    for row in rows:
        assert row.seconds > 0
        assert row.rivals
        for rival in row.rivals:
            assert rival.seconds > 0
            assert rival.error < 1e-3, (row.name, rival.name)
    rows = {row.name: row for row in rows}
    assert rows["failure instance, 1000 seeds"].rivals[0].seconds > 20 * rows["failure instance, 1000 seeds"].seconds


def test_command(capsys):
    assert main(["bench", "--fits", "--quick", "plackett"]) == 0
    assert "Plackett-Luce" in capsys.readouterr().out
    assert main(["bench", "--fits", "--quick", "--json", "plackett"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["rivals"]
    assert main(["bench", "--fits", "thurstone"]) == 2
