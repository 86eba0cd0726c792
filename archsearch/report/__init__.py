"""Figures, tables, and one HTML file that answers the question; knows no Optuna study and prints nothing."""
