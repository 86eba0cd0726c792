"""Known mistakes of networks and training, with reason, source and fix."""
