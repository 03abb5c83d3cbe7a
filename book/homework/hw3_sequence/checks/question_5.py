"""Question 5, layers and cycles: read by a person."""

from grading.judge import Exam, question


@question(5, "Layers and cycles", 5, "PREDICTION_5", "EXPLANATION_5", by_hand=5)
def fifth(exam: Exam) -> None:
    exam.text("PREDICTION_5")
    exam.text("EXPLANATION_5")
