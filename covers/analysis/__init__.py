"""Evidence from arrays: votes, calibration, evaluation, overlap, clusters, map."""
