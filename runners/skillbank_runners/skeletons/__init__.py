"""Skeletons as people have them: layouts, and the files of pose estimators and motion capture."""
