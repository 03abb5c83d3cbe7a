"""Grades homework: a submission runs in a sandbox; what it answers is judged outside."""
