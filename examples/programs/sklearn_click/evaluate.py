"""Forest on the breast cancer data."""

import json
from pathlib import Path

import click
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import train_test_split

MODELS = {"forest": RandomForestClassifier, "extra_trees": ExtraTreesClassifier}


@click.command()
@click.option("--model", type=click.Choice(list(MODELS)), default="forest")
@click.option("--trees", default=20, help="Number of trees.")
@click.option("--max-depth", type=int, default=None)
@click.option("--random-state", default=0)
@click.option("--output", type=click.Path(path_type=Path), default=Path("results"))
def main(model, trees, max_depth, random_state, output):
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=random_state, stratify=y)
    forest = MODELS[model](n_estimators=trees, max_depth=max_depth, random_state=random_state)
    predicted = forest.fit(x_train, y_train).predict(x_test)
    scores = {"f1": f1_score(y_test, predicted), "balanced_accuracy": balanced_accuracy_score(y_test, predicted)}
    output.mkdir(parents=True, exist_ok=True)
    (output / "scores.json").write_text(json.dumps({"model": model, "test": scores}, indent=2))
    click.secho(f"f1 {scores['f1']:.3f}", fg="green")


if __name__ == "__main__":
    main()
