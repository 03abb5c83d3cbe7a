"""Question 5, ten times the delay: read by a person."""

from grading.judge import Exam, question


@question(
    5,
    "Ten times the delay: predict, then explain",
    5,
    *("PREDICTION_5", "EXPLANATION_5"),
    by_hand=5,
)
def ten_times(exam: Exam) -> None:
    exam.text("PREDICTION_5")
    exam.text("EXPLANATION_5")
