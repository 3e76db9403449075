"""What a scan has written, by path."""

import csv

from covers.catalogue.table import read_catalogue
from covers.workspace.paths import Workspace


def rows_of(ws):
    catalogue = read_catalogue(Workspace(ws))
    return {row["path"]: row for row in catalogue.table.to_pylist()}


def problems_of(ws):
    with Workspace(ws).problems_path.open(encoding="utf-8", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}
