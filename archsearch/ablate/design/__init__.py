"""Designs: which cells an ablation has, which questions they answer, and whether they fit."""
