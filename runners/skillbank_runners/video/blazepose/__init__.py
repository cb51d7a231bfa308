"""BlazePose: people and 33 joints each, in the picture and in metres (arXiv:2006.10204).

Two networks of MediaPipe, run by LiteRT. The detector finds the hips' middle and the size and lean
of a body; the landmark network looks at the square around it, upright, and finds the joints. From
then on the square of the next picture follows from the joints of this one.
"""
