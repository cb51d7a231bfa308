"""Tuning: what can be searched, how points are proposed, which trial trains on. Runs nothing."""
