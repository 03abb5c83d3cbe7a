"""Homework 2, Memory: answers that must lose points, and others that must get them all.

Each source is executed after the solved notebook's cells, and overrides some of its names.
"""

from . import question_1, question_2, question_3, question_4

OF = {1: question_1, 2: question_2, 3: question_3, 4: question_4}
WRONG = {number: answers.WRONG for number, answers in OF.items()}
RIGHT = {number: answers.RIGHT for number, answers in OF.items()}
