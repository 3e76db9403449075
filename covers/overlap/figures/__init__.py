"""Figures of which genres look alike: matrix, graph, tree and trends."""
