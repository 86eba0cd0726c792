"""What leaves the house: networks and experiments in a form that others use without us, or run again."""
