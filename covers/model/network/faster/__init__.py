"""The same network, answering faster: folded, padded and packed for a CPU."""
