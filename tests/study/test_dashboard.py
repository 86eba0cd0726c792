"""What a study carries in optuna-dashboard."""

from __future__ import annotations

import optuna
import plotly.graph_objects as go
import pytest

from archsearch.study.dashboard import OURS, DashboardView, write_shown
from archsearch.study.storage import default_url, open_storage

library = pytest.importorskip("optuna_dashboard")


@pytest.fixture
def study(tmp_path):
    return optuna.create_study(study_name="s", storage=open_storage(default_url(tmp_path)))


def drawn(study) -> dict[str, str]:
    from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

    return get_plotly_graph_objects(study._storage.get_study_system_attrs(study._study_id))


def figure(points: int) -> go.Figure:
    return go.Figure(go.Scatter(x=list(range(points)), y=list(range(points))))


def test_figures_and_note_are_there_once_however_often_they_are_written(study):
    write_shown(study, DashboardView({"search-history": figure(2000)}, "First."))
    write_shown(study, DashboardView({"search-history": figure(3)}, "Second."))
    assert drawn(study) == {"archsearch-search-history": figure(3).to_json()}
    assert library.get_note(study) == f"{OURS}\n\nSecond."


def test_a_persons_own_note_stays(study):
    library.save_note(study, "mine")
    write_shown(study, DashboardView({}, "ours"))
    assert library.get_note(study) == "mine"
