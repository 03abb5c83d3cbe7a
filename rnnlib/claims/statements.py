"""The statements of the course, and the verdicts that a conclusion can give."""

STATEMENTS = {
    "G1": "RNNs generate text, by character or by word.",
    "G2": "They can write short poems, answer questions and mimic basic sentence structure.",
    "M1": "Memory is passed on step by step, and fades with distance.",
    "M2": "GRU and LSTM remember longer than the plain RNN.",
    "M3": "Even LSTMs lose fidelity as sequences grow.",
    "M4": "Nested sentences need the subject several clauses later, and RNNs lose the thread.",
    "S1": "The computation is strictly sequential in time.",
    "S2": "So it is hard to parallelise on GPUs, and training takes longer.",
    "S3": "Generating takes longer too.",
    "S4": "Very long sequences get inefficient.",
    "S5": "Transformers look at all positions at once, and are far more efficient.",
    "E1": "Training feeds the right words (teacher forcing); generation feeds the model's own.",
    "E2": "One bad prediction makes a weird context, which makes worse ones: errors snowball.",
    "R1": "Generated text repeats itself.",
    "R2": "It is short-sighted: it cannot plan a sentence or a story.",
    "R3": "It drifts: it starts on one topic and ends on another.",
    "R4": "The cause is in part limited memory and no global view.",
    "A1": "RNNs treat all past words equally, or only through the hidden state.",
    "A2": 'They cannot say "this past word matters now"; attention can.',
    "B1": "Seeing the whole sentence at once gives contextual embeddings, and made Transformers, "
    "BERT and GPT possible.",
}
VERDICTS = {  # the sign, and the colour of the box
    "holds": ("✓", "46, 160, 67"),
    "holds if": ("◐", "191, 135, 0"),
    "falls": ("✗", "218, 54, 51"),
    "not shown here": ("○", "110, 118, 129"),
    "not tested here": ("–", "110, 118, 129"),
}
